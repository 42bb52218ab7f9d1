"""Write a meeting's rows into a fleet's database: by its seed command, or by SQL."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from trackproof.errors import FleetError
from trackproof.fleet.contract_names import nearest
from trackproof.fleet.log_text import readable_log
from trackproof.fleet.profile import FleetProfile
from trackproof.fleet.seed_columns import SEED_COLUMNS, json_columns, parameter_list

SEED_SECONDS = 60.0
TAIL_LINES = 30

COLUMNS_HINT = f"it reads one meeting as JSON with the columns {json_columns()}, and prints its ids"
_PARAMETERS = frozenset(column.parameter for column in SEED_COLUMNS)

Ids = dict[str, Any]
"""Ids of the rows by name: `transcript_id`, and whatever else the seeder returns."""


@dataclass(frozen=True, slots=True)
class SeedCommand:
    """The seed command of a profile, and where it runs."""

    fleet: str
    arguments: Sequence[str]
    cwd: Path
    environment: Mapping[str, str]

    @property
    def subject(self) -> str:
        """Subject of an error message."""
        return f"the seed command of fleet {self.fleet!r}"

    def start_error(self, error: OSError) -> FleetError:
        """Return the error of a command that does not start."""
        return FleetError(
            f"{self.subject} cannot be started",
            evidence=str(error),
            hint="check the seed command of the fleet's profile",
        )


class CommandSeeder:
    """Runs the seed command once per meeting."""

    def __init__(self, command: SeedCommand) -> None:
        """Configure the seeder; nothing runs yet."""
        self._command = command

    def prepare(self) -> None:
        """Do nothing: each meeting starts a process."""

    def seed(self, meeting: Mapping[str, Any]) -> Ids:
        """Write a meeting's rows and return their ids.

        Raises:
            FleetError: The command failed; the evidence is its error output.
        """
        if not self._command.arguments:
            return {}
        try:
            done = subprocess.run(  # noqa: S603
                self._command.arguments,
                input=json.dumps(meeting),
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                cwd=self._command.cwd,
                env=self._command.environment,
                timeout=SEED_SECONDS,
                check=True,
            )
            ids: Ids = json.loads(done.stdout)
        except subprocess.CalledProcessError as error:
            raise FleetError(
                f"{self._command.subject} exited with {error.returncode}",
                evidence=readable_log(error.stderr or error.stdout, TAIL_LINES),
                hint=COLUMNS_HINT,
            ) from error
        except OSError as error:
            raise self._command.start_error(error) from error
        except (subprocess.TimeoutExpired, ValueError) as error:
            raise FleetError(
                f"{self._command.subject} printed no ids", evidence=str(error), hint=COLUMNS_HINT
            ) from error
        return ids

    def close(self) -> None:
        """Do nothing: no process or connection stays open."""


class LineSeeder:
    """Keeps the seed command running: reads one JSON line of ids per JSON line of a meeting."""

    def __init__(self, command: SeedCommand) -> None:
        """Configure the seeder; nothing runs yet."""
        self._command = command
        self._process: subprocess.Popen[str] | None = None
        self._errors: IO[str] | None = None
        self._error_output = ""

    def prepare(self) -> None:
        """Start the command while the fleet starts; `seed` reports a failure."""
        with suppress(FleetError):
            self._start()

    def seed(self, meeting: Mapping[str, Any]) -> Ids:
        """Write a meeting's rows and return their ids.

        Raises:
            FleetError: The command exited, or printed no ids in time.
        """
        process = self._process or self._start()
        try:
            cast("IO[str]", process.stdin).write(f"{json.dumps(meeting)}\n")
            cast("IO[str]", process.stdin).flush()
            line = _read_line(cast("IO[str]", process.stdout))
            ids: Ids = json.loads(line)
        except (OSError, ValueError, FutureTimeoutError) as error:
            self.close()
            raise FleetError(
                f"{self._command.subject} printed no ids",
                evidence=self._error_output or str(error),
                hint="with seed_lines it must print one line for every line it reads, and flush it",
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
                self._error_output = readable_log(errors.read(), TAIL_LINES)

    @staticmethod
    def _end(process: subprocess.Popen[str]) -> None:
        try:
            process.communicate(timeout=5)
        except (subprocess.TimeoutExpired, OSError, ValueError):
            process.kill()
            with process:  # closes its pipes and waits
                pass

    def _start(self) -> subprocess.Popen[str]:
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed with the command
        try:
            self._process = subprocess.Popen(  # noqa: S603
                self._command.arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                encoding="utf-8",
                errors="replace",
                cwd=self._command.cwd,
                env=self._command.environment,
            )
        except OSError as error:
            raise self._command.start_error(error) from error
        return self._process


def _read_line(stream: IO[str]) -> str:
    line: Future[str] = Future()

    def read() -> None:
        try:
            line.set_result(stream.readline())
        except (OSError, ValueError) as error:
            line.set_exception(error)

    threading.Thread(target=read, daemon=True).start()
    return line.result(SEED_SECONDS)


class SqlSeeder:
    """Runs the profile's statements in the fleet's database, one transaction per meeting."""

    def __init__(self, fleet: str, statements: Sequence[str], database_url: str) -> None:
        """Configure the seeder; it connects per meeting."""
        self._subject = f"seed_sql of fleet {fleet!r}"
        self._statements = statements
        self._database_url = database_url

    def prepare(self) -> None:
        """Do nothing: the fleet may still be creating its tables."""

    def seed(self, meeting: Mapping[str, Any]) -> Ids:
        """Run every statement and return the columns of their results as ids.

        Parameters are columns of the meeting such as `:room_name`, and ids of earlier statements
        by their column's name. Lists and maps are JSON; missing values are NULL. A statement with
        `:consent_…` runs once per consent.

        Raises:
            FleetError: The database refused a statement.
        """
        ids: Ids = {}
        engine = create_engine(self._database_url)
        try:
            with engine.begin() as connection:
                for statement in self._statements:
                    for consent in _consents(statement, meeting):
                        values = {**_columns({**meeting, "consent": consent}), **ids}
                        names = set(text(statement).compile().params)
                        self._check_parameters(names, {*values, *_PARAMETERS})
                        result = connection.execute(
                            text(statement), {name: values.get(name) for name in names}
                        )
                        if result.returns_rows and (row := result.mappings().first()):
                            ids |= {name: row[name] for name in row}
        except SQLAlchemyError as error:
            raise FleetError(
                f"{self._subject} failed",
                evidence=str(error).partition("\n[SQL")[0],
                hint="compare the statement with the fleet's tables; "
                f"parameters: {parameter_list()}",
            ) from error
        finally:
            engine.dispose()
        return ids

    def _check_parameters(self, names: set[str], known: set[str]) -> None:
        """Raise a FleetError for a parameter that no column and no earlier statement has."""
        for name in sorted(names - known):
            near = nearest(name, known)
            raise FleetError(
                f"{self._subject}: there is no parameter :{name}",
                hint=f"did you mean :{near}?" if near else f"parameters: {parameter_list()}",
            )

    def close(self) -> None:
        """Do nothing: no process or connection stays open."""


def _consents(statement: str, meeting: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    consents: Sequence[Mapping[str, Any]] = meeting.get("consents", ())
    return consents if ":consent_" in statement else ({},)


def _columns(meeting: Mapping[str, Any]) -> dict[str, Any]:
    """Return a meeting's values by `table_column`, with lists and maps as JSON."""
    return {
        f"{table}_{name}": json.dumps(value) if isinstance(value, list | dict) else value
        for table, row in meeting.items()
        if isinstance(row, Mapping)
        for name, value in row.items()
    }


def seeder_for(
    profile: FleetProfile, cwd: Path, environment: Mapping[str, str], database_url: str
) -> CommandSeeder | LineSeeder | SqlSeeder:
    """Return the seeder that the profile configures."""
    if profile.seed_sql:
        return SqlSeeder(profile.name, profile.seed_sql, database_url)
    seeder = LineSeeder if profile.seed_lines else CommandSeeder
    return seeder(SeedCommand(profile.name, profile.seed_command, cwd, environment))
