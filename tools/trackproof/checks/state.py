"""State: the database contains the result, and the events report it in order."""

from __future__ import annotations

from collections.abc import Iterator

from trackproof.checks.visibility import if_visible
from trackproof.contracts.validate import event_violations
from trackproof.events.runs import Check
from trackproof.runs.equality import has_value, same_value
from trackproof.runs.evidence import Evidence
from trackproof.runs.json_text import as_json

EVENTS_IN_ORDER = (
    "DURATION",
    "WAVEFORM",
    "TRANSCRIPT",
    "TOPIC",
    "FINAL_TITLE",
    "STATUS",
)
EVENTS_ANYWHERE = ("FINAL_LONG_SUMMARY", "FINAL_SHORT_SUMMARY", "PIPELINE_PROGRESS")


def checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the checks on the transcript's row and on its events."""
    yield if_visible("database.result", _result, evidence)
    yield if_visible("database.events", _events, evidence)
    yield if_visible("events.schema", _schema, evidence)


def _result(evidence: Evidence) -> Check:
    row, output = evidence.transcript, evidence.output
    expected = {
        "status": "ended",
        "title": output.get("title"),
        "long_summary": output.get("summary"),
        "short_summary": output.get("short_summary"),
        "duration": output.get("duration"),
    }
    problems = [
        f"{column} is {as_json(row.get(column))}, not {as_json(value)}"
        for column, value in expected.items()
        if not value or not same_value(row.get(column), value)
    ]
    return Check.of(
        "database.result",
        problems,
        otherwise=f"status ended, title, both summaries, duration {row.get('duration')} s",
    )


def _events(evidence: Evidence) -> Check:
    names = [name for name, _ in evidence.events]
    last = {name: index for index, name in enumerate(names)}
    problems = [f"no {name}" for name in (*EVENTS_IN_ORDER, *EVENTS_ANYWHERE) if name not in last]
    if not problems:
        positions = [last[name] for name in EVENTS_IN_ORDER]
        if positions != sorted(positions):
            problems.append(
                f"out of order: {', '.join(sorted(EVENTS_IN_ORDER, key=last.__getitem__))}"
            )
    final = [data for name, data in evidence.events if name == "STATUS"]
    if not final or not has_value(final[-1], {"value": "ended"}):
        problems.append(f"the last STATUS is {as_json(final[-1]) if final else 'missing'}")
    return Check.of("database.events", problems, otherwise=f"{len(names)} events, in order")


def _schema(evidence: Evidence) -> Check:
    problems = list(
        dict.fromkeys(
            violation
            for name, data in evidence.events
            for violation in event_violations(name, data)
        )
    )
    return Check.of(
        "events.schema",
        problems if evidence.events else ["no events"],
        otherwise=f"{len(evidence.events)} events, all valid",
    )
