"""The verdict as a JSON file for other programs."""

from __future__ import annotations

from dataclasses import asdict

from trackproof.events.coverage import Coverage
from trackproof.events.mutants import MutantsEnded
from trackproof.events.runs import RunEnded
from trackproof.events.stream import Event
from trackproof.events.verdict import ClauseResult
from trackproof.events.verification import VerifyEnded
from trackproof.report.json_file import write_json
from trackproof.report.report_file import ReportFile


class JsonFile(ReportFile):
    """Writes the file once the run has ended."""

    def write(self, event: Event) -> None:
        """Write the verdict; all else is no business of this file's."""
        match event:
            case RunEnded():
                write_json(self._path, as_json(event))
            case VerifyEnded():
                write_json(self._path, verdict_as_json(event))
            case MutantsEnded():
                write_json(self._path, mutants_as_json(event))
            case _:
                pass


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
        "coverage": None if ended.coverage is None else coverage_as_json(ended.coverage),
        "shortfalls": list(ended.shortfalls),
    }


def coverage_as_json(coverage: Coverage) -> dict[str, object]:
    """Return what was exercised, and what was not."""
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


def mutants_as_json(ended: MutantsEnded) -> dict[str, object]:
    """Return the table mutant × clause."""
    return {
        "mutants": [{**asdict(mutant), "killed": mutant.killed} for mutant in ended.mutants],
        "clauses_that_killed_none": list(ended.toothless),
        "sample": ended.sample,
        "seconds": ended.seconds,
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
            "failure": clause.failure,
        }
    return told
