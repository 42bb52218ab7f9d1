"""The page: everything is there, and nothing that a fleet says is more than text."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from tests.unit.trackproof.report.verdicts import (
    EVERY_KIND,
    HELD,
    HOSTILE,
    failing,
    verification,
)
from trackproof.events.verdict import ClauseResult
from trackproof.events.verification import VerifyEnded
from trackproof.report.html import page

NOW = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)


class Reader(HTMLParser):
    """Takes down what a browser would: elements, their attributes and the text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(*clauses: ClauseResult, shortfalls: tuple[str, ...] = ()) -> str:
    ended = verification(*clauses, shortfalls=shortfalls)[-1]
    assert isinstance(ended, VerifyEnded)
    return page(ended, NOW)


def read(*clauses: ClauseResult, shortfalls: tuple[str, ...] = ()) -> Reader:
    return Reader(page_of(*clauses, shortfalls=shortfalls))


@pytest.mark.parametrize(
    "part",
    [
        "✗ FAILED: 1 of 2 clauses do not hold",
        "Words are in the order of their start times. TASK-009",
        "words: [1, 2, 3]",
        "words: [2, 1, 3]",
        "-  1,",
        "+  1,",
        '"track_10": {',
        "What came back: FAILED, COMPLETED, 0.31 s",
        "refused: 3",
        "2026-11-26 info merging",
        "trackproof verify --fleet acme.toml --only merge_transcripts.sorted",
        "trackproof replay merge_transcripts.sorted-0a1b2c",
        "2026-11-26 12:30 UTC",
    ],
)
def test_a_failing_clause_shows_all_that_a_person_needs(part: str) -> None:
    assert part in read(HELD, failing()).text


def test_a_verdict_that_holds_says_so_and_shows_no_failures() -> None:
    told = read(HELD)

    assert "✓ HELD: 1 of 1 clauses hold" in told.text
    assert "What does not hold" not in told.text


def test_deviations_and_errors_are_told_from_failures() -> None:
    told = read(*EVERY_KIND)

    assert "Deviations and skipped" in told.text
    assert "The suite itself broke here: this is no fault of the fleet’s." in told.text


def test_too_little_exercised_is_told_first() -> None:
    told = read(HELD, shortfalls=("1 of 2 tasks were exercised",)).text

    assert told.index("1 of 2 tasks were exercised") < told.rindex("Every task")
    assert "FAILED: too little was exercised" in told


@pytest.mark.parametrize(
    "part",
    ["pad_track → join_track_padding", "PATCH /messages/{message_id}", "404 × 1", "timed out"],
)
def test_what_was_exercised_is_shown(part: str) -> None:
    assert part in read(HELD).text


def test_what_a_fleet_says_is_text_and_nothing_else() -> None:
    tame, hostile = read(failing()), read(failing(text=HOSTILE))

    assert hostile.tags == tame.tags
    assert [name for name, _ in hostile.attributes] == [name for name, _ in tame.attributes]
    assert "<img src=x onerror=alert(1)>" in hostile.text


def test_nothing_hidden_reaches_the_reader() -> None:
    told = page_of(failing(text=HOSTILE))

    assert r"\u001b[2J\u0000\u202egpj.exe" in told
    assert not re.search("[\x00\x1b\u202e]", told)


def test_a_page_needs_nobody_and_runs_nothing() -> None:
    told = read(*EVERY_KIND)

    assert not {"script", "link", "img", "iframe", "object", "base"} & set(told.tags)
    assert not [name for name, _ in told.attributes if name.startswith("on") or name == "style"]
    assert {value for name, value in told.attributes if name in {"href", "src"}} == {
        "#failing",
        "#lesser",
        "#tasks",
        "#coverage",
        "#merge_transcripts.sorted",
        "#finalize.error",
        "#finalize.deviates",
        "#finalize.skipped",
    }


def test_a_long_answer_is_cut_and_says_how_long_it_was() -> None:
    told = page_of(failing(text="x" * 1_000_000))

    assert len(told) < 200_000
    assert "characters)" in told
