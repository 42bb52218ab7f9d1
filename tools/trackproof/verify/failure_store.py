"""Failing clauses, kept as small files, so that just they can be run again.

A test makes its input from the names it is given (trackproof.runs.ids): the same test with the
same seed sends the same again. What was sent stands in the file too, without secrets.
"""

from __future__ import annotations

import json
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
    """One clause that did not hold, with all that is needed to see whether it does now."""

    id: str
    clause: str
    text: str
    """What the contract says."""
    seed: str
    """The item of the product's task list that the clause comes from."""
    test: str
    """The test that failed, as pytest names it."""
    fleet: str
    """The profile: a file, or a name."""
    id_seed: str
    """The seed of all ids."""
    version: str
    """Of Conductor."""
    database: str
    time_scale: float
    inputs: tuple[Mapping[str, Any], ...]
    """What was sent, task by task: `task` and `sent`."""
    expected: str
    observed: str
    kept_at: str
    """UTC, ISO 8601."""


_FAILURE = TypeAdapter(Failure)


def keep(folder: Path, failure: Failure) -> Path:
    """Write a failure down; return the file.

    Raises:
        UsageError: The folder cannot be written to.
    """
    path = folder / f"{failure.id}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Nobody means to commit these.
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
        # In ASCII: an input may hold half a surrogate pair, which no file can in UTF-8.
        content = json.dumps(asdict(failure), indent=2)
        path.write_text(f"{content}\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"failing clauses cannot be kept in {folder}",
            evidence=str(error),
            hint="name another folder with --failures",
        ) from error
    return path


def kept(folder: Path) -> list[Failure]:
    """Return all that are kept, the newest first."""
    found = [_read(path) for path in folder.glob("*.json")]
    return sorted(found, key=lambda failure: failure.kept_at, reverse=True)


def find(folder: Path, failure_id: str) -> Failure:
    """Return the failure of that id, or the only one whose id begins so.

    Raises:
        UsageError: There is none, or more than one, or its file is damaged.
    """
    known = sorted(path.stem for path in folder.glob("*.json"))
    exact = [name for name in known if name == failure_id]
    fitting = exact or [name for name in known if failure_id and name.startswith(failure_id)]
    match fitting:
        case [only]:
            return _read(folder / f"{only}.json")
        case []:
            raise UsageError(
                f"no failure {failure_id!r} is kept in {folder}",
                evidence="\n".join(known[:20]),
                hint="`trackproof replay` without an id lists what is kept",
            )
        case _:
            raise UsageError(
                f"more than one failure begins with {failure_id!r}",
                evidence="\n".join(fitting[:20]),
                hint="give the whole id",
            )


def _read(path: Path) -> Failure:
    try:
        return _FAILURE.validate_python(json.loads(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} is no kept failure",
            evidence=str(error),
            hint="delete the file; the next `trackproof verify` keeps the failure anew",
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
                keep(self._folder, _failure(result, self._started))
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
        kept_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _parsed(sent: str) -> Any:
    try:
        return json.loads(sent)
    except ValueError:
        return sent  # truncated: the test builds it anew
