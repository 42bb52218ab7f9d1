"""How deviations and invisible data change the result of a clause."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import av
import pytest

from tests.unit.trackproof.report.verify_events import PASSED
from trackproof.events.verdict import Status
from trackproof.fleet.profile import Deviation, Invisible
from trackproof.runs.unavailable import NotVisible
from trackproof.suite.assertions import ClauseViolation
from trackproof.suite.results import (
    FLEET_FAILURES,
    error_text,
    in_words,
    skipped_result,
    with_deviation,
)

TODAY = date(2026, 12, 1)
DEVIATION = Deviation(PASSED.id, "the storage is old", date(2026, 12, 31))


def skip(error: BaseException) -> Any:
    return SimpleNamespace(excinfo=SimpleNamespace(value=error))


@pytest.mark.parametrize("status", ["failed", "unsteady"])
def test_a_declared_deviation_accepts_a_failed_clause(status: Status) -> None:
    result = with_deviation(replace(PASSED, status=status), [DEVIATION], TODAY)

    assert result.status == "deviates"


@pytest.mark.parametrize("status", ["error", "skipped", "not_visible"])
def test_a_deviation_does_not_accept_a_clause_that_was_not_judged(status: Status) -> None:
    result = with_deviation(replace(PASSED, status=status), [DEVIATION], TODAY)

    assert result.status == status


def test_an_expired_deviation_is_reported_with_date_and_reason() -> None:
    failed = replace(PASSED, status="failed", observed="no row")

    result = with_deviation(failed, [DEVIATION], date(2027, 1, 1))

    assert result.status == "failed"
    assert result.observed == "no row (the deviation expired on 2026-12-31: the storage is old)"


def test_a_stale_deviation_fails_with_date_and_reason() -> None:
    result = with_deviation(PASSED, [DEVIATION], TODAY)

    assert result.status == "failed"
    assert result.expected == "the declared deviation: the storage is old"
    assert "declared until 2026-12-31" in result.observed


def test_declared_invisible_data_is_not_judged() -> None:
    skipped = skip(NotVisible("events", "events"))

    result = skipped_result(PASSED, skipped, {"events": Invisible("no events are kept")}, TODAY)

    assert (result.status, result.observed) == ("not_visible", "no events are kept")


@pytest.mark.parametrize(
    ("declared", "observed"),
    [
        ({}, "the fleet's profile does not expose events"),
        ({"rows": Invisible("no rows")}, "the fleet's profile does not expose events"),
        (
            {"events": Invisible("later", date(2026, 11, 30))},
            "the fleet's profile does not expose events; declared until 2026-11-30: later",
        ),
    ],
    ids=["undeclared", "another part", "expired"],
)
def test_other_invisible_data_fails_the_verdict(declared: Any, observed: str) -> None:
    result = skipped_result(PASSED, skip(NotVisible("events", "events")), declared, TODAY)

    assert (result.status, result.observed, result.accepted) == ("skipped", observed, False)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ClauseViolation({"a"}, None, "ids"), 'ids: expected ["a"], observed null'),
        (KeyError("event"), "the fleet's answer has no field event"),
        (
            TypeError("not iterable"),
            "the fleet's answer cannot be read: TypeError: not iterable",
        ),
        (
            av.error.EOFError(541478725, "End of file"),
            "the fleet's audio cannot be read: End of file",
        ),
        (OSError(5, "no space"), "OSError: [Errno 5] no space"),
        (None, "the end of pytest's report"),
    ],
)
def test_the_reason_of_a_failure_has_no_terms_of_python(
    error: BaseException | None, text: str
) -> None:
    assert error_text(error, "the end of pytest's report") == text


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ("test_every_word_is_merged_once[list]", "every word is merged once (list)"),
        ("test_title_is_stored", "title is stored"),
    ],
)
def test_a_further_failure_is_named_in_words(test: str, words: str) -> None:
    assert in_words(test) == words


def test_audio_that_cannot_be_read_fails_the_fleet() -> None:
    assert issubclass(av.error.EOFError, FLEET_FAILURES)
    assert issubclass(av.error.InvalidDataError, FLEET_FAILURES)
    assert not issubclass(OSError, FLEET_FAILURES)
