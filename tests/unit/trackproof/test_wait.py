from __future__ import annotations

import pytest

from trackproof.errors import DeadlineError
from trackproof.wait import wait_for_interrupt, wait_until


def test_wait_returns_the_first_truthy_result() -> None:
    results = iter([None, "", 0, "ready"])

    assert wait_until(lambda: next(results), what="a result", timeout=5, interval=0) == "ready"


def test_deadline_error_has_subject_evidence_and_hint() -> None:
    with pytest.raises(DeadlineError) as caught:
        wait_until(
            lambda: None,
            what="the server",
            timeout=0.01,
            interval=0,
            evidence=lambda: "still starting",
            hint="increase the time limit",
        )

    assert "waited 0.01 s for the server" in caught.value.what
    assert caught.value.evidence == "still starting"
    assert caught.value.hint == "increase the time limit"


def test_evidence_is_collected_only_at_the_deadline() -> None:
    calls: list[str] = []

    def condition() -> bool:
        calls.append("condition")
        return False

    def evidence() -> str:
        calls.append("evidence")
        return ""

    with pytest.raises(DeadlineError):
        wait_until(condition, what="it", timeout=0.02, interval=0.001, evidence=evidence)

    assert calls.count("evidence") == 1
    assert calls[-1] == "evidence"


def test_condition_is_checked_once_without_any_time() -> None:
    assert wait_until(lambda: "at once", what="it", timeout=0) == "at once"


def test_exception_of_the_condition_ends_the_wait() -> None:
    calls: list[int] = []

    def condition() -> bool:
        calls.append(1)
        raise ConnectionResetError("connection lost")

    with pytest.raises(ConnectionResetError, match="connection lost"):
        wait_until(condition, what="it", timeout=60)

    assert calls == [1]


def test_a_wait_for_an_interrupt_ends_with_it() -> None:
    looks = iter(range(3))

    def check() -> None:
        if next(looks) == 2:
            raise KeyboardInterrupt

    wait_for_interrupt(check, interval=0)


def test_a_check_ends_the_wait_for_an_interrupt_by_its_error() -> None:
    def check() -> None:
        raise DeadlineError("the server has ended")

    with pytest.raises(DeadlineError, match="the server has ended"):
        wait_for_interrupt(check)
