"""How a meeting's rows get into a fleet's database: by its own command, or by plain SQL."""

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

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from trackproof.errors import FleetError
from trackproof.fleet.profile import FleetProfile

SEED_SECONDS = 60.0

Ids = dict[str, Any]
"""What the fleet calls what was written: `transcript_id`, and whatever else it prints."""


class CommandSeeder:
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

    def seed(self, meeting: Mapping[str, Any]) -> Ids:
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


class LineSeeder:
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
        """Start the command while the fleet itself starts; `seed` tells if it cannot."""
        with suppress(FleetError):
            self._start()

    def seed(self, meeting: Mapping[str, Any]) -> Ids:
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
            with process:  # closes its pipes, and waits
                pass

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


class SqlSeeder:
    """Runs the profile's statements in the fleet's database, in one transaction a meeting."""

    def __init__(self, fleet: str, statements: Sequence[str], database_url: str) -> None:
        """Prepare; nothing is connected yet."""
        self._who = f"seed_sql of fleet {fleet!r}"
        self._statements = statements
        self._database_url = database_url

    def prepare(self) -> None:
        """The fleet may still be making its tables."""

    def seed(self, meeting: Mapping[str, Any]) -> Ids:
        """Run every statement; what it returns are ids.

        A column of the meeting is `:room_name`, what an earlier statement returned goes by its
        column's name, lists and maps are JSON, and what the meeting does not have is NULL. A
        statement about `:consent_…` is run for each consent.

        Raises:
            FleetError: The database refused one.
        """
        ids: Ids = {}
        engine = create_engine(self._database_url)
        try:
            with engine.begin() as connection:
                for statement in self._statements:
                    for consent in _consents(statement, meeting):
                        told = {**_columns({**meeting, "consent": consent}), **ids}
                        wanted = set(text(statement).compile().params)
                        done = connection.execute(
                            text(statement), {name: told.get(name) for name in wanted}
                        )
                        if done.returns_rows and (row := done.mappings().first()):
                            ids |= {name: row[name] for name in row}
        except SQLAlchemyError as error:
            raise FleetError(
                f"{self._who} failed",
                evidence=str(error).partition("\n[SQL")[0],
                hint="compare the statement with the fleet's tables",
            ) from error
        finally:
            engine.dispose()
        return ids

    def close(self) -> None:
        """Nothing is held open."""


def _consents(statement: str, meeting: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = meeting.get("consents", ())
    return found if ":consent_" in statement else ({},)


def _columns(meeting: Mapping[str, Any]) -> dict[str, Any]:
    """Return a meeting's columns by table and name; lists and maps as JSON."""
    return {
        f"{table}_{name}": json.dumps(value) if isinstance(value, list | dict) else value
        for table, row in meeting.items()
        if isinstance(row, Mapping)
        for name, value in row.items()
    }


def seeder_for(
    profile: FleetProfile, cwd: Path, environment: Mapping[str, str], database_url: str
) -> CommandSeeder | LineSeeder | SqlSeeder:
    """Return the way that the profile names."""
    if profile.seed_sql:
        return SqlSeeder(profile.name, profile.seed_sql, database_url)
    way = LineSeeder if profile.seed_lines else CommandSeeder
    return way(profile.name, profile.seed_command, cwd, environment)
