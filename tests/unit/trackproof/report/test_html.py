"""The HTML page is complete, self-contained, and safe against hostile fleets."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

from tests.unit.trackproof.report.verify_events import (
    EVERY_STATUS,
    HOSTILE,
    PASSED,
    failing,
    verification,
)
from trackproof.events.verdict import ClauseResult
from trackproof.events.verification import VerifyEnded
from trackproof.report.html import page

NOW = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)


class Reader(HTMLParser):
    """Collects elements, attributes and text, as a browser would parse them."""

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


def test_a_failed_clause_is_shown_in_full() -> None:
    text = read(PASSED, failing()).text

    for part in (
        "✗ FAILED: 1 failed of 2 clauses",
        "Words are in the order of their start times. TASK-009",
        "words: [1, 2, 3]",
        "words: [2, 1, 3]",
        "-  1,",
        "+  1,",
        '"track_10": {',
        "Received: FAILED, COMPLETED, 0.31 s",
        "refused: 3",
        "2026-11-26 info merging",
        "trackproof verify --fleet acme.toml --only merge_transcripts.sorted",
        "trackproof replay merge_transcripts.sorted-0a1b2c",
        "2026-11-26 12:30 UTC",
    ):
        assert part in text


def test_a_passed_verification_shows_no_failures() -> None:
    text = read(PASSED).text

    assert "✓ HELD: 1 of 1 clauses" in text
    assert "Failed clauses" not in text


def test_deviations_and_suite_errors_differ_from_failures() -> None:
    text = read(*EVERY_STATUS).text

    assert "Deviations and clauses that are not visible" in text
    assert "The suite itself failed here, so the clause is not judged." in text


def test_low_coverage_is_shown_first() -> None:
    text = read(PASSED, shortfalls=("1 of 2 tasks were exercised",)).text

    assert text.index("1 of 2 tasks were exercised") < text.rindex("Tasks")
    assert "FAILED: coverage is below the floor" in text


def test_coverage_is_shown() -> None:
    text = read(PASSED).text

    for part in (
        "pad_track → join_track_padding",
        "PATCH /messages/{message_id}",
        "404 × 1",
        "timed out",
    ):
        assert part in text


def test_text_from_a_fleet_adds_no_markup() -> None:
    tame, hostile = read(failing()), read(failing(text=HOSTILE))

    assert hostile.tags == tame.tags
    assert [name for name, _ in hostile.attributes] == [name for name, _ in tame.attributes]
    assert "<img src=x onerror=alert(1)>" in hostile.text


def test_invisible_characters_are_escaped() -> None:
    source = page_of(failing(text=HOSTILE))

    assert r"\u001b[2J\u0000\u202egpj.exe" in source
    assert not re.search("[\x00\x1b\u202e]", source)


def test_a_page_has_no_scripts_and_no_external_links() -> None:
    reader = read(*EVERY_STATUS)

    assert not {"script", "link", "img", "iframe", "object", "base"} & set(reader.tags)
    assert not [name for name, _ in reader.attributes if name.startswith("on") or name == "style"]
    assert {value for name, value in reader.attributes if name in {"href", "src"}} == {
        "#failed",
        "#excused",
        "#tasks",
        "#coverage",
        "#merge_transcripts.sorted",
        "#finalize.error",
        "#finalize.deviates",
        "#finalize.skipped",
        "#finalize.unsteady",
        "#finalize.not_visible",
        "#task-pad_track",
        "#task-merge_transcripts",
        "#task-finalize",
    }


def test_a_long_text_is_truncated_with_its_length() -> None:
    source = page_of(failing(text="x" * 1_000_000))

    assert len(source) < 200_000
    assert "characters)" in source
