"""Does the database hold the result, and do the events tell of it in order?"""

from __future__ import annotations

from collections.abc import Iterator

from trackproof.contracts.validate import event_violations
from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence

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
    """Yield the verdict on the database."""
    yield _result(evidence)
    yield _events(evidence)
    yield _schema(evidence)


def _result(evidence: Evidence) -> Check:
    row, output = evidence.transcript, evidence.output
    expected = {
        "status": "ended",
        "title": output.get("title"),
        "long_summary": output.get("summary"),
        "short_summary": output.get("short_summary"),
        "duration": output.get("duration"),
    }
    wrong = [
        f"{column} is {row.get(column)!r}, not {value!r}"
        for column, value in expected.items()
        if not value or row.get(column) != value
    ]
    return Check(
        "database.result",
        not wrong,
        "; ".join(wrong) or f"status ended, title, both summaries, {row['duration']:.3f} s",
    )


def _events(evidence: Evidence) -> Check:
    names = [name for name, _ in evidence.events]
    last = {name: place for place, name in enumerate(names)}
    wrong = [f"no {name}" for name in (*EVENTS_IN_ORDER, *EVENTS_ANYWHERE) if name not in last]
    if not wrong:
        places = [last[name] for name in EVENTS_IN_ORDER]
        if places != sorted(places):
            wrong.append(f"out of order: {sorted(EVENTS_IN_ORDER, key=lambda name: last[name])}")
    final = [data for name, data in evidence.events if name == "STATUS"]
    if not final or final[-1] != {"value": "ended"}:
        wrong.append(f"the last STATUS is {final[-1] if final else None}")
    return Check("database.events", not wrong, "; ".join(wrong) or f"{len(names)} events, in order")


def _schema(evidence: Evidence) -> Check:
    wrong = list(
        dict.fromkeys(
            breach for name, data in evidence.events for breach in event_violations(name, data)
        )
    )
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    return Check(
        "events.schema",
        bool(evidence.events) and not wrong,
        "; ".join(wrong[:3]) + more or f"{len(evidence.events)} events, all in the dictionary",
    )
