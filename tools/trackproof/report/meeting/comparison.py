"""Two runs side by side: what became slower, and which results changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from trackproof.events.meeting import MeetingResult
from trackproof.events.runs import RunEnded
from trackproof.events.verification import VerifyEnded

NOISE_SECONDS: Final = 0.5
NOISE_SHARE: Final = 0.5
"""Two runs of the same step on a busy machine differ by so much: docs/console.md."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two runs."""

    kind: str
    """`slower`, `faster`, `fixed`, `broken`, `changed`."""
    what: str
    older: str
    newer: str


def compare_runs(older: RunEnded, newer: RunEnded) -> list[Change]:
    """Return what differs between two meetings, worst first."""
    changes = _results(
        {check.id: check.status for check in older.checks},
        {check.id: check.status for check in newer.checks},
        good="passed",
    )
    before = {step.name: step.seconds for step in older.steps if step.started_at is not None}
    for step in newer.steps:
        if step.name in before and step.started_at is not None:
            changes += _slower(step.name, before[step.name], step.seconds)
    return sorted(changes, key=lambda one: _ORDER.index(one.kind))


def compare_verifications(older: VerifyEnded, newer: VerifyEnded) -> list[Change]:
    """Return the clauses whose results differ, worst first."""
    changes = _results(
        {clause.id: clause.status for clause in older.clauses},
        {clause.id: clause.status for clause in newer.clauses},
        good="passed",
    )
    return sorted(changes, key=lambda one: _ORDER.index(one.kind))


def compare_results(older: MeetingResult, newer: MeetingResult) -> list[Change]:
    """Return the texts and counts of the results that differ."""
    pairs: Mapping[str, tuple[Any, Any]] = {
        "title": (older.title, newer.title),
        "short summary": (older.short_summary, newer.short_summary),
        "long summary": (older.long_summary, newer.long_summary),
        "topics": (
            "; ".join(topic.title for topic in older.topics),
            "; ".join(topic.title for topic in newer.topics),
        ),
        "words": (len(older.transcribed), len(newer.transcribed)),
        "missing words": (older.missing, newer.missing),
        "surplus words": (older.surplus, newer.surplus),
        "Zulip messages": (len(older.zulip), len(newer.zulip)),
        "webhooks": (len(older.webhooks), len(newer.webhooks)),
        "requests": (len(older.requests), len(newer.requests)),
    }
    return [
        Change("changed", what, str(one), str(other))
        for what, (one, other) in pairs.items()
        if one != other
    ]


def as_json(changes: list[Change]) -> list[dict[str, str]]:
    """Return changes as JSON data."""
    return [asdict(one) for one in changes]


_ORDER: Final = ("broken", "slower", "changed", "fixed", "faster")


def _results(older: Mapping[str, str], newer: Mapping[str, str], *, good: str) -> list[Change]:
    changes = []
    for name in dict.fromkeys([*older, *newer]):
        before, after = older.get(name, "not judged"), newer.get(name, "not judged")
        if before != after:
            kind = "broken" if before == good else "fixed" if after == good else "changed"
            changes.append(Change(kind, name, before, after))
    return changes


def _slower(what: str, before: float, after: float) -> list[Change]:
    noise = max(NOISE_SECONDS, NOISE_SHARE * min(before, after))
    if abs(after - before) <= noise:
        return []
    kind = "slower" if after > before else "faster"
    return [Change(kind, what, f"{before:.2f} s", f"{after:.2f} s")]
