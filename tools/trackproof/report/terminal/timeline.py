"""A run's story for a person: a line an attempt, with a bar on the run's time."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trackproof.report.terminal.marks import FAILED_MARK, RUN_MARKS
from trackproof.report.terminal.printable import on_one_line
from trackproof.runs.costs import Cost
from trackproof.runs.timeline import Story, TimelineEntry

BAR = 30
"""Characters for the whole run."""

NARROW = 130
"""Columns below which there is no room for bars beside the figures."""

KILO = 1000


def shown(story: Story, *, width: int) -> RenderableType:
    """Return the story as it is printed into so many columns."""
    parts: list[RenderableType] = [_headline(story), _timeline(story, bars=width >= NARROW)]
    failed = [_failure(one) for one in story.attempts if one.failed]
    if failed:
        parts += [Text(), Text("Failed attempts", style="bold"), *failed]
    parts += [Text(), _total(story)]
    if story.cause:
        parts.append(Text.assemble(("First cause: ", "bold red"), on_one_line(story.cause)))
    return Group(*parts)


def _headline(story: Story) -> Text:
    return Text.assemble(
        (on_one_line(story.name), "bold"),
        f"  {on_one_line(story.workflow_id)}  {on_one_line(story.status)}  {story.seconds:.1f} s",
    )


def _timeline(story: Story, *, bars: bool) -> Table:
    table = Table(box=None, pad_edge=False, collapse_padding=not bars)
    table.add_column("task", overflow="fold", min_width=12)  # gives way: no figure may be cut
    for column in ("attempt" if bars else "try", "start", "seconds" if bars else "took"):
        table.add_column(column, justify="right", no_wrap=True)
    if bars:
        table.add_column("", no_wrap=True, min_width=BAR)
    for column in ("calls", "in", "out", "audio", "tokens"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in story.attempts:
        mark, style = RUN_MARKS.get(one.status, FAILED_MARK)
        table.add_row(
            Text.assemble((mark, style), f" {on_one_line(one.reference)}"),
            str(one.number),
            "waits" if one.began is None else f"{one.began:.2f}",
            f"{one.seconds:.2f}",
            *([Text(_bar(one, story.seconds), style=style)] if bars else []),
            *_spent(one.cost),
        )
    return table


def _bar(attempt: TimelineEntry, whole: float) -> str:
    if attempt.began is None or whole <= 0:
        return ""
    first = min(int(attempt.began / whole * BAR), BAR - 1)
    length = min(max(round(attempt.seconds / whole * BAR), 1), BAR - first)
    return " " * first + "█" * length


def _spent(cost: Cost | None) -> tuple[str, ...]:
    if cost is None:
        return ("",) * 5
    tokens = cost.prompt_tokens + cost.completion_tokens
    calls = str(cost.calls) + (f" (+{cost.remembered} known)" if cost.remembered else "")
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
        f"{on_one_line(attempt.reference)}, attempt {attempt.number}: "
        f"{on_one_line(attempt.reason or attempt.status)}",
    )


def _total(story: Story) -> Text:
    if story.cost is None:
        return Text("Costs: not known without --database", style="dim")
    cost = story.cost
    return Text(
        f"Costs: {cost.seconds:.1f} s of work, {cost.calls} calls outside, "
        f"{cost.remembered} answers remembered, {_bytes(cost.bytes_in)} in, "
        f"{_bytes(cost.bytes_out)} out, {cost.audio_seconds:.1f} s of audio decoded, "
        f"{cost.prompt_tokens} + {cost.completion_tokens} tokens"
    )


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < KILO:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= KILO
    return f"{count:.1f} GB"
