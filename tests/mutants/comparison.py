"""Mutants of one of the two pipelines: its results differ from those of the other."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from reference_workers.platform.state.models import Transcript
from tests.mutants.model import Collection
from tests.mutants.patches import change_column

mutant = Collection("comparison")


def _in_legacy(column: Any, change: Callable[[Any], Any]) -> None:
    """Change every value that the legacy pipeline stores in a column."""
    if "celery" in sys.argv[2:3]:  # as `tests.mutants.launch` gets it
        change_column(column, change)


@mutant("texts")
def legacy_title_is_short() -> None:
    """The legacy pipeline stores the first word of the title."""
    _in_legacy(Transcript.title, lambda value: value and value.split()[0][:3])


@mutant("topics")
def legacy_loses_a_topic() -> None:
    """The legacy pipeline does not store the last topic."""
    _in_legacy(Transcript.topics, lambda value: value and value[:-1])


@mutant("words")
def legacy_loses_a_word() -> None:
    """The legacy pipeline does not store the last word."""
    _in_legacy(Transcript.words, lambda value: value and value[:-1])


@mutant("duration")
def legacy_counts_milliseconds() -> None:
    """The legacy pipeline stores the duration in milliseconds."""
    _in_legacy(Transcript.duration, lambda value: value and value * 1000)


@mutant("edge-cases")
def late_track_begins_at_once() -> None:
    """Both pipelines store the words of a late track half a second too early."""
    change_column(
        Transcript.words,
        lambda value: [
            {**word, "start": word["start"] - 0.5, "end": word["end"] - 0.5}
            if word["speaker"] == 2
            else word
            for word in value or []
        ],
    )
