"""Mutants of get_recording."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from reference_workers.errors import PermanentError
from tests.mutants.model import Collection
from tests.mutants.patches import around, change_output, replace

mutant = Collection("get_recording")


@mutant("polls", "output")
def never_completes() -> None:
    """Every get_recording fails for good."""

    def failing(context: Any, **_: Any) -> dict[str, Any]:
        raise PermanentError("not implemented")

    around("get_recording", lambda _: failing)


@mutant("output")
def duration_in_milliseconds() -> None:
    """The duration is given in milliseconds."""
    change_output("get_recording", lambda out: out.update(duration=out["duration"] * 1000))


@mutant("output")
def session_forgotten() -> None:
    """mtg_session_id is read from a field that does not exist."""
    change_output("get_recording", lambda out: out.update(mtg_session_id=None))


@mutant("output")
def room_named_by_id() -> None:
    """room_name carries the recording's id."""
    change_output("get_recording", lambda out: out.update(room_name=out["id"]))


@mutant("transient-errors")
def no_retry_on_503() -> None:
    """A 5xx of Daily's fails the task for good."""
    replace("services.http", "is_retryable", lambda _: lambda status: status in {408, 425, 429})


@mutant("transient-errors")
def no_retry_on_429() -> None:
    """A 429 of Daily's fails the task for good."""
    replace(
        "services.http",
        "is_retryable",
        lambda judge: lambda status: status != HTTPStatus.TOO_MANY_REQUESTS and judge(status),
    )


@mutant("permanent-errors")
def retry_on_404() -> None:
    """A recording that Daily does not know is asked for again and again."""
    replace(
        "services.http",
        "is_retryable",
        lambda judge: lambda status: status == HTTPStatus.NOT_FOUND or judge(status),
    )


@mutant("permanent-errors")
def retry_on_401() -> None:
    """A key that Daily refuses is tried again and again."""
    replace(
        "services.http",
        "is_retryable",
        lambda judge: lambda status: status == HTTPStatus.UNAUTHORIZED or judge(status),
    )
