from __future__ import annotations

import pytest

from trackproof.errors import DeadlineError
from trackproof.wait import wait_until


def test_the_first_truthy_answer_is_returned() -> None:
    answers = iter([None, "", 0, "here"])

    assert wait_until(lambda: next(answers), what="an answer", timeout=5, interval=0) == "here"


def test_the_deadline_says_what_was_waited_for_and_what_was_seen() -> None:
    with pytest.raises(DeadlineError) as caught:
        wait_until(
            lambda: None,
            what="the lights",
            timeout=0.01,
            interval=0,
            evidence=lambda: "still dark",
            hint="pay the bill",
        )

    assert str(caught.value) == (
        "waited 0.01 s for the lights, in vain\n  | still dark\nHint: pay the bill"
    )


def test_evidence_is_gathered_only_at_the_deadline() -> None:
    gathered: list[int] = []
    asked: list[int] = []

    def evidence() -> str:
        gathered.append(len(asked))
        return ""

    def condition() -> bool:
        asked.append(1)
        assert not gathered
        return False

    with pytest.raises(DeadlineError):
        wait_until(condition, what="it", timeout=0.02, interval=0.001, evidence=evidence)

    assert gathered == [len(asked)]


def test_a_condition_that_holds_needs_no_evidence() -> None:
    def evidence() -> str:
        raise AssertionError("not asked for")

    assert wait_until(lambda: True, what="it", timeout=0, evidence=evidence)


def test_a_condition_is_asked_once_even_without_any_time() -> None:
    assert wait_until(lambda: "at once", what="it", timeout=0) == "at once"


def test_an_exception_ends_the_wait_at_once() -> None:
    asked: list[int] = []

    def condition() -> bool:
        asked.append(1)
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError, match="gone"):
        wait_until(condition, what="it", timeout=60)

    assert asked == [1]
