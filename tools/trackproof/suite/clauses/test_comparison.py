"""Clauses of contracts/comparison.yaml: both pipelines make the same of a recording."""

from __future__ import annotations

import pytest

from trackproof.checks.word_matching import TimedWord, match
from trackproof.runs.comparison import Side, compare
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.trials import expect_shadow
from trackproof.suite.harness import Harness
from trackproof.suite.product.trial import ProductTrial

pytestmark = pytest.mark.late(3)

FIELDS = {
    "comparison.texts": ("title", "long_summary", "short_summary"),
    "comparison.topics": ("topic",),
    "comparison.words": ("word",),
    "comparison.duration": ("duration",),
}
"""Beginnings of the fields that differ, by clause."""


@pytest.mark.parametrize(
    "fields",
    [pytest.param(fields, marks=pytest.mark.clause(name)) for name, fields in FIELDS.items()],
)
def test_both_results_are_equal(
    fields: tuple[str, ...], trial: ProductTrial, harness: Harness
) -> None:
    expect_shadow(trial)
    counting, shadow = (
        Side(name, harness.fleet.transcript(str(trial.shadow[name])))
        for name in ("counting", "shadow")
    )

    different = [
        f"{one.field}: {one.left} and {one.right} {one.detail}".strip()
        for one in compare(counting, shadow).differences
        if one.field.startswith(fields)
    ]

    expect(different, "differences").equals([])


@pytest.mark.clause("comparison.edge-cases")
@pytest.mark.parametrize("side", ["counting", "shadow"])
def test_every_word_is_in_both_transcripts(
    side: str, trial: ProductTrial, harness: Harness
) -> None:
    expect_shadow(trial)
    truth = trial.cases["shadow"].scenario.meeting.truth()
    words = harness.fleet.transcript(str(trial.shadow[side])).get("words") or []

    found = match(
        (TimedWord((word.track_index, word.text), word.start) for word in truth),
        (TimedWord((word["speaker"], word["word"]), word["start"]) for word in words),
    )

    expect(found.describe(), f"words of the {side} transcript").holds(
        bool(truth) and found.complete, "every word, with its speaker and time"
    )
