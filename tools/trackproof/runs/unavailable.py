"""Placeholders for data that a fleet's profile does not expose.

Any access marks the clause that needs the data as not judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, overload

import pytest

PARTS: Final[Mapping[str, str]] = {
    "rows": "the transcript's row (transcript_sql or transcript_url)",
    "events": "events (events_sql, events_redis or events_websocket)",
    "trigger": "a trigger ([trigger])",
    "legacy": "a legacy pipeline (trigger.broker)",
}
"""What a profile may not expose, with the keys that would expose it."""


class NotVisible(pytest.skip.Exception):  # type: ignore[name-defined, misc]
    """Skips a test that needs data which the fleet's profile does not expose."""

    def __init__(self, part: str, what: str) -> None:
        """Skip the test.

        Args:
            part: The data's key in the profile's `[not_visible]`.
            what: The data as a noun, and the profile keys that would expose it.
        """
        super().__init__(f"the fleet's profile does not expose {what}")
        self.part = part


class _Unavailable:
    """Skips the test that accesses it."""

    def __init__(self, part: str, what: str) -> None:
        self._part = part
        self._what = what

    def _skip(self) -> BaseException:
        return NotVisible(self._part, self._what)

    def __len__(self) -> int:
        raise self._skip()

    def __iter__(self) -> Iterator[Any]:
        raise self._skip()

    def __repr__(self) -> str:
        return f"({self._part} not available)"


class UnavailableRow(_Unavailable, Mapping[str, Any]):
    """A row that the profile does not expose."""

    def __getitem__(self, name: str) -> Any:
        raise self._skip()


class UnavailableEvents(_Unavailable, Sequence[tuple[str, Any]]):
    """Events that the profile does not expose."""

    @overload
    def __getitem__(self, index: int) -> tuple[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self
        raise self._skip()


def unavailable_row() -> UnavailableRow:
    """Return the placeholder for a transcript's row."""
    return UnavailableRow("rows", PARTS["rows"])


def unavailable_events() -> UnavailableEvents:
    """Return the placeholder for a transcript's events."""
    return UnavailableEvents("events", PARTS["events"])
