"""JSON reports of a run and of a verification."""

from __future__ import annotations

from dataclasses import asdict

from trackproof.events.coverage import Coverage
from trackproof.events.runs import RunEnded
from trackproof.events.stream import Event
from trackproof.events.verdict import ClauseResult
from trackproof.events.verification import VerifyEnded
from trackproof.report.output import ReportFile, write_json

VERDICTS = {
    "HELD": "held",
    "HELD IN PART": "held in part",
    "FAILED": "failed",
    "INTERRUPTED": "interrupted",
}


class JsonFile(ReportFile):
    """Writes the file when the run or the verification ends."""

    def write(self, event: Event) -> None:
        """Write the result on the last event; ignore other events."""
        match event:
            case RunEnded():
                write_json(self._path, run_as_json(event), complete=not event.interrupted)
            case VerifyEnded():
                write_json(self._path, verification_as_json(event), complete=not event.interrupted)
            case _:
                pass


def run_as_json(ended: RunEnded) -> dict[str, object]:
    """Return the result of a run in the format that README.md documents."""
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
            {
                "id": check.id,
                "passed": check.passed,
                "status": check.status,
                "detail": check.detail,
            }
            for check in ended.checks
        ],
        "fleet": ended.fleet,
        "verdict": VERDICTS[ended.word],
        "headline": ended.headline,
        "interrupted": ended.interrupted,
        "timeline": None if ended.timeline is None else asdict(ended.timeline),
    }


def verification_as_json(ended: VerifyEnded) -> dict[str, object]:
    """Return a verification in the format that docs/conformance.md documents."""
    return {
        "fleet": ended.fleet,
        "verdict": VERDICTS[ended.word],
        "headline": ended.headline,
        "interrupted": ended.interrupted,
        "conductor": {"backend": ended.backend, "version": ended.version},
        "seconds": ended.seconds,
        "tasks": [
            {"name": task.name, "clauses": [clause_as_json(clause) for clause in task.clauses]}
            for task in ended.tasks
        ],
        "coverage": None if ended.coverage is None else coverage_as_json(ended.coverage),
        "shortfalls": list(ended.shortfalls),
        "serves": list(ended.serves),
        "scope": ended.scope,
    }


def coverage_as_json(coverage: Coverage) -> dict[str, object]:
    """Return the coverage with exercised and missing names."""
    parts = {
        "clauses": coverage.clauses,
        "tasks": coverage.tasks,
        "edges": coverage.edges,
        "events": coverage.events,
    }
    return {
        **{
            name: {
                "percent": round(part.percent, 1),
                "exercised": list(part.seen),
                "missing": list(part.missing),
            }
            for name, part in parts.items()
        },
        "ends": {task: dict(ends) for task, ends in coverage.ends.items()},
        "endpoints": [asdict(endpoint) for endpoint in coverage.endpoints],
    }


def clause_as_json(clause: ClauseResult) -> dict[str, object]:
    """Return one clause; a clause that did not pass includes its evidence."""
    content: dict[str, object] = {
        "id": clause.id,
        "status": clause.status,
        "expected": clause.expected,
        "observed": clause.observed,
        "seconds": clause.seconds,
    }
    if clause.status != "passed":
        content |= {
            "text": clause.text,
            "seed": clause.seed,
            "difference": clause.difference,
            "also": list(clause.also),
            "exchanges": [asdict(exchange) for exchange in clause.exchanges],
            "log": clause.log,
            "test": clause.test,
            "repeat": clause.repeat,
            "failure": clause.failure,
            "replay": clause.replay,
        }
    return content
