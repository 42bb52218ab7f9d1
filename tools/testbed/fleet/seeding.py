"""How a fleet is asked to write a meeting's rows: once a process, or a line each to one."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

from tools.errors import FleetError

SEED_SECONDS = 60.0

Ids = dict[str, str]


class OneShotSeeds:
    """Starts the seed command anew for every meeting."""

    def __init__(
        self, fleet: str, command: Sequence[str], cwd: Path, environment: Mapping[str, str]
    ) -> None:
        """Prepare; nothing runs yet."""
        self._who = f"the seed command of fleet {fleet!r}"
        self._command = command
        self._cwd = cwd
        self._environment = environment

    def prepare(self) -> None:
        """Nothing can be started beforehand."""

    def sow(self, meeting: Mapping[str, Any]) -> Ids:
        """Have the rows written; return their ids.

        Raises:
            FleetError: The command failed; its output is the evidence.
        """
        if not self._command:
            return {}
        try:
            done = subprocess.run(  # noqa: S603
                self._command,
                input=json.dumps(meeting),
                capture_output=True,
                text=True,
                cwd=self._cwd,
                env=self._environment,
                timeout=SEED_SECONDS,
                check=True,
            )
            ids: Ids = json.loads(done.stdout)
        except subprocess.CalledProcessError as error:
            raise FleetError(
                f"{self._who} ended with {error.returncode}",
                evidence="\n".join(error.stderr.splitlines()[-30:]),
            ) from error
        except OSError as error:
            raise _cannot_start(self._who, error) from error
        except (subprocess.TimeoutExpired, ValueError) as error:
            raise FleetError(f"{self._who} wrote no ids", evidence=str(error)) from error
        return ids

    def close(self) -> None:
        """Nothing is held open."""


class SeedLines:
    """Keeps the seed command running: a line with a meeting in, a line with its ids out."""

    def __init__(
        self, fleet: str, command: Sequence[str], cwd: Path, environment: Mapping[str, str]
    ) -> None:
        """Prepare; nothing runs yet."""
        self._who = f"the seed command of fleet {fleet!r}"
        self._command = command
        self._cwd = cwd
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None
        self._errors: IO[str] | None = None
        self._last_words = ""

    def prepare(self) -> None:
        """Start the command while the fleet itself starts; `sow` tells if it cannot."""
        with suppress(FleetError):
            self._start()

    def sow(self, meeting: Mapping[str, Any]) -> Ids:
        """Have the rows written; return their ids.

        Raises:
            FleetError: The command ended, or answered no ids in time.
        """
        process = self._process or self._start()
        try:
            cast("IO[str]", process.stdin).write(f"{json.dumps(meeting)}\n")
            cast("IO[str]", process.stdin).flush()
            line = _line_in_time(cast("IO[str]", process.stdout))
            ids: Ids = json.loads(line)
        except (OSError, ValueError, FutureTimeoutError) as error:
            self.close()
            raise FleetError(
                f"{self._who} wrote no ids",
                evidence=self._last_words or str(error),
                hint="with seed_lines it must answer every line with a line, and flush it",
            ) from error
        return ids

    def close(self) -> None:
        """End the command by closing its standard input."""
        process, self._process = self._process, None
        if process is None:
            return
        if self._errors is not None:
            with self._errors as errors:
                self._end(process)
                errors.seek(0)
                self._last_words = "\n".join(errors.read().splitlines()[-30:])

    @staticmethod
    def _end(process: subprocess.Popen[str]) -> None:
        try:
            process.communicate(timeout=5)
        except (subprocess.TimeoutExpired, OSError, ValueError):
            process.kill()
            process.wait()

    def _start(self) -> subprocess.Popen[str]:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the command
        try:
            self._process = subprocess.Popen(  # noqa: S603
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                cwd=self._cwd,
                env=self._environment,
            )
        except OSError as error:
            raise _cannot_start(self._who, error) from error
        return self._process


def _line_in_time(stream: IO[str]) -> str:
    answer: Future[str] = Future()

    def read() -> None:
        try:
            answer.set_result(stream.readline())
        except (OSError, ValueError) as error:
            answer.set_exception(error)

    threading.Thread(target=read, daemon=True).start()
    return answer.result(SEED_SECONDS)


def _cannot_start(who: str, error: OSError) -> FleetError:
    return FleetError(
        f"{who} cannot be started",
        evidence=str(error),
        hint="see the seed command of the fleet's profile",
    )
