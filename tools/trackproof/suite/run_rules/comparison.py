"""Comparison of a completed run's row and events with its one result.

Each function yields a line for each difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from trackproof.runs.equality import has_value
from trackproof.runs.json_text import as_json
from trackproof.runs.task_run import TaskRun
from trackproof.suite.run_rules.visibility import Visibility

Agreement = Callable[[TaskRun, Visibility], Iterator[str]]
"""Yields a line for each difference in what can be seen of a run."""

EMPTY: tuple[Any, ...] = (None, [], "")


def compare_row(run: TaskRun, see: Visibility, expected: Mapping[str, Any]) -> Iterator[str]:
    """Compare columns of the row; an empty value may be stored as null."""
    if not see.rows:
        return
    for name, value in expected.items():
        stored = run.transcript.get(name)
        if not (value in EMPTY and stored in EMPTY) and not has_value(stored, value):
            yield f"column {name} is {cut(stored)}, the result {cut(value)}"


def compare_events(
    run: TaskRun, see: Visibility, name: str, expected: Sequence[Any], stored: Mapping[str, Any]
) -> Iterator[str]:
    """Compare the data of events.

    A further attempt may repeat them, and a run whose result was stored before may emit none.

    Args:
        run: The run.
        see: What can be seen of it.
        name: The events' name.
        expected: The data of each, in any order.
        stored: The columns that repeat the result.
    """
    if not see.events:
        return
    data = run.emitted(name)
    others = [one for one in data if not any(has_value(one, value) for value in expected)]
    missing = [one for one in expected if not any(has_value(value, one) for value in data)]
    if others:
        yield f"{name} has {cut(others[0])}, the result {cut(expected)}"
    elif missing and (data or not _was_stored(run, see, stored)):
        yield f"no {name} has {cut(missing[0])}"
    elif len(run.attempts) == 1 and len(data) > len(expected):
        yield f"{len(data)} {name} events, {len(expected)} expected"


def _was_stored(run: TaskRun, see: Visibility, stored: Mapping[str, Any]) -> bool:
    """Return whether the row had the result before the run, as far as is known."""
    return not see.rows or all(
        has_value(run.transcript_before.get(name), value) for name, value in stored.items()
    )


def compare_status(run: TaskRun, see: Visibility, status: str) -> Iterator[str]:
    """Compare the status, which STATUS reports if it was another."""
    yield from compare_row(run, see, {"status": status})
    if see.rows and see.events and len(run.attempts) == 1:
        was = run.transcript_before.get("status")
        told = [one for one in run.emitted("STATUS") if has_value(one, {"value": status})]
        if len(told) != (was != status):
            yield f"{len(told)} STATUS events of {status}; the status was {as_json(was)}"


def cut(value: Any) -> str:
    """Return a value as JSON, cut to the width of a line."""
    text = as_json(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
