"""The timeline of a run on a terminal: one line for each attempt, with a time bar."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from trackproof.events.timeline import Cost, Timeline, TimelineEntry
from trackproof.report.terminal.marks import FAILED_MARK, RUN_MARKS
from trackproof.report.terminal.printable import one_line

BAR = 30
"""Width of a bar that covers the whole run, in characters."""

NARROW = 130
"""Minimum terminal width for bars, in columns."""

FILE_COLUMNS = 200
"""Width of the output in a file or a pipe."""

KILO = 1000


def print_timeline(console: Console, timeline: Timeline) -> None:
    """Print a timeline as wide as the terminal; in a file or a pipe `FILE_COLUMNS` wide."""
    if not console.is_terminal:
        console = Console(file=console.file, width=FILE_COLUMNS)
    console.print(render_timeline(timeline, width=console.width))


def render_timeline(timeline: Timeline, *, width: int) -> RenderableType:
    """Lay out a timeline for a terminal of `width` columns."""
    parts: list[RenderableType] = [_headline(timeline), _table(timeline, bars=width >= NARROW)]
    failed = [_failure(one) for one in timeline.attempts if one.failed]
    if failed:
        parts += [Text(), Text("Failed attempts", style="bold"), *failed]
    parts += [Text(), _total(timeline)]
    if timeline.cause:
        parts.append(Text.assemble(("First cause: ", "bold red"), one_line(timeline.cause)))
    return Group(*parts)


def _headline(timeline: Timeline) -> Text:
    return Text.assemble(
        (one_line(timeline.name), "bold"),
        f"  {one_line(timeline.workflow_id)}  {one_line(timeline.status)}"
        f"  {timeline.seconds:.1f} s",
    )


def _table(timeline: Timeline, *, bars: bool) -> Table:
    table = Table(box=None, pad_edge=False, collapse_padding=not bars)
    # This column shrinks first: no figure may be truncated.
    table.add_column("task", overflow="fold", min_width=12)
    for column in ("attempt" if bars else "try", "start", "seconds" if bars else "took"):
        table.add_column(column, justify="right", no_wrap=True)
    if bars:
        table.add_column("", no_wrap=True, min_width=BAR)
    for column in ("calls", "in", "out", "audio", "tokens"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in timeline.attempts:
        mark, style = RUN_MARKS.get(one.status, FAILED_MARK)
        table.add_row(
            Text.assemble((mark, style), f" {one_line(one.reference)}"),
            str(one.number),
            "waiting" if one.began is None else f"{one.began:.2f}",
            f"{one.seconds:.2f}",
            *([Text(_bar(one, timeline.seconds), style=style)] if bars else []),
            *_cost_columns(one.cost),
        )
    return table


def _bar(attempt: TimelineEntry, run_seconds: float) -> str:
    if attempt.began is None or run_seconds <= 0:
        return ""
    first = min(int(attempt.began / run_seconds * BAR), BAR - 1)
    length = min(max(round(attempt.seconds / run_seconds * BAR), 1), BAR - first)
    return " " * first + "█" * length


def _cost_columns(cost: Cost | None) -> tuple[str, ...]:
    if cost is None:
        return ("",) * 5
    tokens = cost.prompt_tokens + cost.completion_tokens
    calls = str(cost.calls) + (f" (+{cost.remembered} cached)" if cost.remembered else "")
    return (
        calls,
        _bytes(cost.bytes_in),
        _bytes(cost.bytes_out),
        f"{cost.audio_seconds:.1f} s" if cost.audio_seconds else "–",
        str(tokens) if tokens else "–",
    )


def _failure(attempt: TimelineEntry) -> Text:
    mark, style = FAILED_MARK
    return Text.assemble(
        (f"{mark} ", style),
        f"{one_line(attempt.reference)}, attempt {attempt.number}: "
        f"{one_line(attempt.reason or attempt.status)}",
    )


def _total(timeline: Timeline) -> Text:
    if timeline.cost is None:
        return Text(
            "Costs: unknown: no table task_costs was read (--database of `trackproof explain`)",
            style="dim",
        )
    cost = timeline.cost
    return Text(
        f"Costs: {cost.seconds:.1f} s of work, {cost.calls} service calls, "
        f"{cost.remembered} cached answers, {_bytes(cost.bytes_in)} in, "
        f"{_bytes(cost.bytes_out)} out, {cost.audio_seconds:.1f} s of audio decoded, "
        f"{cost.prompt_tokens} + {cost.completion_tokens} tokens"
    )


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < KILO:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= KILO
    return f"{count:.1f} GB"
