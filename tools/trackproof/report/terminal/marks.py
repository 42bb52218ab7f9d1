"""Marks of task statuses: a character and its style."""

from __future__ import annotations

RUN_MARKS = {
    "PENDING": ("·", "dim"),
    "SCHEDULED": ("○", "yellow"),
    "IN_PROGRESS": ("◐", "yellow"),
    "COMPLETED": ("✓", "green"),
}
FAILED_MARK = ("✗", "red")
