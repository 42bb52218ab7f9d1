"""The verdict as a JSON file for other programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from tools.errors import UsageError
from tools.verify.events import Event, RunEnded, VerifyEnded
from tools.verify.verdict import ClauseResult


class JsonFile:
    """Writes the file once the run has ended."""

    def __init__(self, path: Path) -> None:
        """Check at once that the file can be written, not after the run.

        Raises:
            UsageError: It cannot.
        """
        self._path = path
        check_writable(path)

    def write(self, event: Event) -> None:
        """Write the verdict; all else is no business of this file's."""
        match event:
            case RunEnded():
                write_json(self._path, as_json(event))
            case VerifyEnded():
                write_json(self._path, verdict_as_json(event))
            case _:
                pass


def check_writable(path: Path) -> None:
    """Raise a UsageError if `path` is no file that can be written."""
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise UsageError(
            f"the report cannot be written to {path}",
            evidence=str(error),
            hint="name a file in a folder that exists and is yours",
        ) from error


def write_json(path: Path, content: object) -> None:
    """Write `content` as readable JSON."""
    path.write_text(f"{json.dumps(content, indent=2, ensure_ascii=False)}\n", encoding="utf-8")


def as_json(ended: RunEnded) -> dict[str, object]:
    """Return the verdict in the shape that README.md documents."""
    return {
        "status": ended.status,
        "workflow_id": ended.workflow_id,
        "tracks": ended.tracks,
        "conductor": {"backend": ended.backend, "version": ended.version},
        "seconds": ended.seconds,
        "steps": [
            {
                "name": step.name,
                "status": step.status,
                "attempts": step.attempts,
                "seconds": step.seconds,
            }
            for step in ended.steps
        ],
        "checks": [
            {"id": check.id, "passed": check.passed, "detail": check.detail}
            for check in ended.checks
        ],
    }


def verdict_as_json(ended: VerifyEnded) -> dict[str, object]:
    """Return the verdict on a fleet in the shape that docs/conformance.md documents."""
    return {
        "fleet": ended.fleet,
        "verdict": "held" if ended.held else "failed",
        "conductor": {"backend": ended.backend, "version": ended.version},
        "seconds": ended.seconds,
        "tasks": [
            {"name": task.name, "clauses": [clause_as_json(clause) for clause in task.clauses]}
            for task in ended.tasks
        ],
    }


def clause_as_json(clause: ClauseResult) -> dict[str, object]:
    """Return one clause; what was exchanged stands with those that do not hold."""
    told: dict[str, object] = {
        "id": clause.id,
        "status": clause.status,
        "expected": clause.expected,
        "observed": clause.observed,
        "seconds": clause.seconds,
    }
    if clause.status != "passed":
        told |= {
            "text": clause.text,
            "seed": clause.seed,
            "difference": clause.difference,
            "exchanges": [asdict(exchange) for exchange in clause.exchanges],
            "log": clause.log,
            "test": clause.test,
            "repeat": clause.repeat,
        }
    return told
