"""Marks of task statuses: a character and its style; styles of verdicts."""

from __future__ import annotations

RUN_MARKS = {
    "PENDING": ("·", "dim"),
    "SCHEDULED": ("○", "yellow"),
    "IN_PROGRESS": ("◐", "yellow"),
    "COMPLETED": ("✓", "green"),
}
FAILED_MARK = ("✗", "red")

VERDICT_STYLES = {
    "HELD": "bold green",
    "HELD IN PART": "bold yellow",
    "FAILED": "bold red",
    "INTERRUPTED": "bold red",
}
