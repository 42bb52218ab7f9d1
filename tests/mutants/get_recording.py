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
    """The task always fails terminally."""

    def failing(context: Any, **_: Any) -> dict[str, Any]:
        raise PermanentError("not implemented")

    around("get_recording", lambda _: failing)


@mutant("output")
def duration_in_milliseconds() -> None:
    """The duration is in milliseconds."""
    change_output("get_recording", lambda out: out.update(duration=out["duration"] * 1000))


@mutant("output")
def session_forgotten() -> None:
    """mtg_session_id is read from a field that does not exist."""
    change_output("get_recording", lambda out: out.update(mtg_session_id=None))


@mutant("output")
def room_named_by_id() -> None:
    """room_name is the recording's id."""
    change_output("get_recording", lambda out: out.update(room_name=out["id"]))


@mutant("transient-errors")
def no_retry_on_503() -> None:
    """A 5xx from Daily fails the task terminally."""
    replace("services.http", "is_retryable", lambda _: lambda status: status in {408, 425, 429})


@mutant("transient-errors")
def no_retry_on_429() -> None:
    """A 429 from Daily fails the task terminally."""
    replace(
        "services.http",
        "is_retryable",
        lambda judge: lambda status: status != HTTPStatus.TOO_MANY_REQUESTS and judge(status),
    )


@mutant("permanent-errors")
def retry_on_404() -> None:
    """A 404 from Daily is retried."""
    replace(
        "services.http",
        "is_retryable",
        lambda judge: lambda status: status == HTTPStatus.NOT_FOUND or judge(status),
    )


@mutant("permanent-errors")
def retry_on_401() -> None:
    """A 401 from Daily is retried."""
    replace(
        "services.http",
        "is_retryable",
        lambda judge: lambda status: status == HTTPStatus.UNAUTHORIZED or judge(status),
    )


@mutant("stored")
def meeting_not_stored() -> None:
    """The meeting is not stored."""
    replace("platform.state.repository:State", "store_meeting", lambda _: lambda *args: None)


@mutant("stored")
def start_in_milliseconds() -> None:
    """Daily's start, in seconds, is read as milliseconds."""
    replace("workers.get_recording", "_utc", lambda read: lambda seconds: read(seconds / 1000))


@mutant("odd-answers")
def id_not_quoted() -> None:
    """The recording's id is not quoted in the URL."""
    replace("services.daily", "quote", lambda _: lambda text, **_: text)
