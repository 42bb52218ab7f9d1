from __future__ import annotations

import pytest

from trackproof.errors import (
    DeadlineError,
    ExitCode,
    FleetError,
    TestbedError,
    TrackproofError,
    UsageError,
)


@pytest.mark.parametrize(
    ("evidence", "hint", "text"),
    [
        ("", "", "it broke"),
        ("", "mend it", "it broke\nHint: mend it"),
        ("line 1\nline 2", "", "it broke\n  | line 1\n  | line 2"),
        ("line 1", "mend it", "it broke\n  | line 1\nHint: mend it"),
    ],
)
def test_an_error_says_what_then_shows_evidence_then_hints(
    evidence: str, hint: str, text: str
) -> None:
    assert str(TrackproofError("it broke", evidence=evidence, hint=hint)) == text


def test_an_error_keeps_its_parts() -> None:
    error = TrackproofError("it broke", evidence="log", hint="mend it")

    assert (error.what, error.evidence, error.hint) == ("it broke", "log", "mend it")


@pytest.mark.parametrize("kind", [UsageError, TestbedError, FleetError, DeadlineError])
def test_every_error_ends_the_command_with_2(kind: type[TrackproofError]) -> None:
    assert kind("it broke").exit_code == 2


def test_the_table_of_exit_codes() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "HELD": 0,
        "CHECK_FAILED": 1,
        "ENVIRONMENT": 2,
    }
