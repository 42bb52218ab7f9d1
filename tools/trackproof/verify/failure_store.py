"""Failing clauses stored as small files, for `trackproof replay`.

A test derives its input from its ids (`trackproof.runs.ids`): the same test with the same seed
sends the same input. The input is in the file too, without secrets.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from trackproof.errors import UsageError
from trackproof.events.stream import Event
from trackproof.events.verdict import ClauseResult
from trackproof.events.verification import ClauseFinished, EnvironmentStarted


@dataclass(frozen=True, slots=True)
class Failure:
    """One failing clause, with everything needed to run its test again."""

    id: str
    clause: str
    text: str
    """What the contract says."""
    seed: str
    """The item of the product's task list that the clause comes from."""
    test: str
    """The id of the failing test."""
    fleet: str
    """The profile: a file, or a name."""
    id_seed: str
    """The seed of all ids."""
    version: str
    """The version of Conductor."""
    database: str
    time_scale: float
    inputs: tuple[Mapping[str, Any], ...]
    """The input of each task: `task` and `sent`."""
    expected: str
    observed: str
    stored_at: str
    """UTC, ISO 8601."""


_FAILURE = TypeAdapter(Failure)


def store(folder: Path, failure: Failure) -> Path:
    """Write a failure to its file and return the path.

    Raises:
        UsageError: The folder is not writable.
    """
    path = folder / f"{failure.id}.json"
    try:
        make_folder(folder)
        # ASCII: an input may contain half a surrogate pair, which UTF-8 cannot encode.
        content = json.dumps(asdict(failure), indent=2)
        path.write_text(f"{content}\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"failing clauses cannot be stored in {folder}",
            evidence=str(error),
            hint="name another folder with --failures",
        ) from error
    return path


def make_folder(folder: Path) -> None:
    """Create the folder; it is not meant to be committed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")


def remove(folder: Path, failure: Failure) -> None:
    """Remove a stored failure and its audio."""
    (folder / f"{failure.id}.json").unlink(missing_ok=True)
    shutil.rmtree(folder / failure.id, ignore_errors=True)


def stored_failures(folder: Path) -> list[Failure]:
    """Return all stored failures, newest first."""
    found = [_read(path) for path in folder.glob("*.json")]
    return sorted(found, key=lambda failure: failure.stored_at, reverse=True)


def find_failure(folder: Path, failure_id: str) -> Failure:
    """Return the failure with this id, or the only one whose id starts with it.

    Raises:
        UsageError: None or several match, or the file is damaged.
    """
    known = sorted(path.stem for path in folder.glob("*.json"))
    exact = [name for name in known if name == failure_id]
    matches = exact or [name for name in known if failure_id and name.startswith(failure_id)]
    match matches:
        case [only]:
            return _read(folder / f"{only}.json")
        case []:
            raise UsageError(
                f"no failure {failure_id!r} is stored in {folder}",
                evidence="\n".join(known[:20]),
                hint="`trackproof replay` without an id lists all",
            )
        case _:
            raise UsageError(
                f"several failures start with {failure_id!r}",
                evidence="\n".join(matches[:20]),
                hint="give the whole id",
            )


def _read(path: Path) -> Failure:
    try:
        return _FAILURE.validate_python(json.loads(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} is not a stored failure",
            evidence=str(error),
            hint="delete the file; the next `trackproof verify` stores the failure again",
        ) from error


class FailureWriter:
    """Stores each failing clause as soon as its result is known."""

    def __init__(self, folder: Path) -> None:
        """Store them in `folder`, which is created with the first failure."""
        self._folder = folder
        self._started: EnvironmentStarted | None = None

    def write(self, event: Event) -> None:
        """Store a failing clause."""
        match event:
            case EnvironmentStarted():
                self._started = event
            case ClauseFinished(result=result) if self._started and result.failure:
                store(self._folder, _failure(result, self._started))
            case _:
                pass


def _failure(result: ClauseResult, started: EnvironmentStarted) -> Failure:
    return Failure(
        id=result.failure,
        clause=result.id,
        text=result.text,
        seed=result.seed,
        test=result.test,
        fleet=started.profile,
        id_seed=started.id_seed,
        version=started.version,
        database=started.database,
        time_scale=started.time_scale,
        inputs=tuple({"task": one.task, "sent": _parsed(one.sent)} for one in result.exchanges),
        expected=result.expected,
        observed=result.observed,
        stored_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _parsed(sent: str) -> Any:
    try:
        return json.loads(sent)
    except ValueError:
        return sent  # truncated: the test builds it anew
