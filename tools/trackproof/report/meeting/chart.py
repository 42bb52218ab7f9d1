"""The timeline of a run as a chart: a row for each task, its attempts, queue and work apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trackproof.events.timeline import Timeline, TimelineEntry
from trackproof.report.meeting.dag import status_kind

WIDTH: Final = 1000.0
ROW_HEIGHT: Final = 20
NAME_WIDTH: Final = 230.0
VALUE_WIDTH: Final = 110.0
LEAST: Final = 1.5
"""Width of a bar that would be too narrow to be seen."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a row."""

    x: float
    width: float
    kind: str
    """`queue`, or the class of the attempt's status."""


@dataclass(frozen=True, slots=True)
class Row:
    """All attempts at one task."""

    name: str
    y: float
    bars: tuple[Bar, ...]
    branch: bool
    text: str
    """Everything in one line."""
    value: str
    value_x: float
    before: bool
    """Whether the value stands before the bars, because there is no room behind them."""


@dataclass(frozen=True, slots=True)
class Chart:
    """The chart, in a view box of `WIDTH` × `height`."""

    rows: tuple[Row, ...]
    ticks: tuple[tuple[float, str], ...]
    height: float
    width: float = WIDTH
    left: float = NAME_WIDTH


def chart_of(timeline: Timeline) -> Chart:
    """Draw a timeline."""
    total = max(timeline.seconds, max((one.end for one in timeline.attempts), default=0.0), 0.001)
    scale = (WIDTH - NAME_WIDTH - VALUE_WIDTH) / total
    groups: dict[str, list[TimelineEntry]] = {}
    for one in timeline.attempts:
        groups.setdefault(one.reference, []).append(one)
    rows = []
    for number, (name, attempts) in enumerate(groups.items()):
        bars: list[Bar] = []
        for one in attempts:
            begun = one.began if one.began is not None else total
            queued = max(begun - one.waited, 0.0)
            bars.append(_bar(queued, begun - queued, scale, "queue"))
            if one.began is not None:
                bars.append(_bar(one.began, one.seconds, scale, status_kind(one.status)))
        is_branch = name[-1:].isdigit()
        end, start = max(one.x + one.width for one in bars), min(one.x for one in bars)
        before = end > WIDTH - VALUE_WIDTH and start > NAME_WIDTH + VALUE_WIDTH
        rows.append(
            Row(
                name,
                number * ROW_HEIGHT,
                tuple(bars),
                is_branch,
                _text(attempts),
                _value(attempts),
                start - 4 if before else end + 4,
                before,
            )
        )
    return Chart(tuple(rows), tuple(_ticks(total, scale)), len(rows) * ROW_HEIGHT + 24)


def _bar(start: float, seconds: float, scale: float, kind: str) -> Bar:
    x = NAME_WIDTH + start * scale
    return Bar(round(x, 2), round(max(seconds * scale, LEAST), 2), kind)


def _value(attempts: list[TimelineEntry]) -> str:
    again = f", {len(attempts)} attempts" if len(attempts) > 1 else ""
    return f"{sum(one.seconds for one in attempts):.2f} s{again}"


def _text(attempts: list[TimelineEntry]) -> str:
    parts = [
        f"attempt {one.number} {one.status.replace('_', ' ').lower()}: "
        f"{one.waited:.2f} s in the queue, {one.seconds:.2f} s of work"
        for one in attempts
    ]
    return f"{attempts[0].reference}: {'; '.join(parts)}"


def _ticks(total: float, scale: float) -> list[tuple[float, str]]:
    """Return about six round times with their places."""
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)
    step = next((one for one in steps if total / one <= 7), 7200)
    count = int(total / step) + 1
    return [(round(NAME_WIDTH + n * step * scale, 2), f"{n * step:g} s") for n in range(count)]
