"""The floor: how much a run of the whole suite must exercise."""

from __future__ import annotations

from trackproof.events.coverage import Coverage


def shortfalls(coverage: Coverage, floor: float) -> tuple[str, ...]:
    """Return a line for each part of which less than `floor` percent was exercised."""
    parts = {"tasks": coverage.tasks, "edges": coverage.edges, "clauses": coverage.clauses}
    return tuple(
        f"{len(part.seen)} of {part.total} {name} were exercised, the floor is {floor:g} %; "
        f"missing: {', '.join(part.missing)}"
        for name, part in parts.items()
        if part.percent < floor
    )
