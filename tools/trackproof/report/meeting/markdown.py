"""A summary in Markdown, for a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from trackproof.events.runs import RunEnded
from trackproof.events.verification import VerifyEnded
from trackproof.report.meeting.comparison import Change
from trackproof.verify.run_store.record import RunRecord, Verdict

SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()<>#+!|~@&-])")
MOST: Final = 50
"""Lines of one list."""


def markdown_of(
    record: RunRecord, verdicts: Mapping[str, Verdict], changes: Sequence[Change] | None = None
) -> str:
    """Return the summary of a run, with what people and a comparison say."""
    lines = [f"## {escape(record.headline or record.verdict)}", ""]
    lines.append(
        f"{escape(record.title)}: fleet {escape(record.fleet)}, "
        f"Conductor {escape(record.conductor or 'not started')}, run `{record.id}`"
    )
    lines.append("")
    if record.run is not None:
        lines += _checks(record.run)
    if record.verification is not None:
        lines += _clauses(record.verification)
    if record.scenario and record.scenario.look_for:
        lines += ["", "| looked for | verdict | who | note |", "|---|---|---|---|"]
        for point in record.scenario.look_for:
            one = verdicts.get(point)
            cells = (point, one.word, one.who, one.note) if one else (point, "open", "", "")
            lines.append(f"| {' | '.join(map(escape, cells))} |")
    if changes is not None:
        lines += ["", "### Compared with the older run", ""]
        lines += ["| | what | older | newer |", "|---|---|---|---|"] if changes else ["No change."]
        lines += [
            f"| {' | '.join(map(escape, (one.kind, one.what, one.older, one.newer)))} |"
            for one in changes[:MOST]
        ]
    return "\n".join(lines).rstrip() + "\n"


def escape(text: object) -> str:
    """Return text that Markdown shows as it is, on one line."""
    line = " ".join(str(text).split())
    return SPECIAL.sub(r"\\\1", line)


def _checks(ended: RunEnded) -> Iterable[str]:
    yield from ("| check | result | detail |", "|---|---|---|")
    for check in sorted(ended.checks, key=lambda one: one.passed):
        cells = (check.id, check.status.replace("_", " "), check.detail[:300])
        yield f"| {' | '.join(map(escape, cells))} |"
    if ended.timeline and ended.timeline.cause:
        yield from ("", f"First cause: {escape(ended.timeline.cause)}")


def _clauses(ended: VerifyEnded) -> Iterable[str]:
    failed = [clause for clause in ended.clauses if not clause.accepted]
    if not failed:
        return
    yield from ("| clause | status | observed |", "|---|---|---|")
    for clause in failed[:MOST]:
        cells = (clause.id, clause.status, clause.observed[:300])
        yield f"| {' | '.join(map(escape, cells))} |"
    if len(failed) > MOST:
        yield f"and {len(failed) - MOST} more"
