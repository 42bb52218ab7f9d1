"""Placeholders for data that a fleet's profile does not expose.

Any access marks the clause that needs the data as not judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

import pytest


class _Unavailable:
    """Skips the test that accesses it."""

    def __init__(self, what: str) -> None:
        self._what = what

    def _skip(self) -> BaseException:
        return pytest.skip.Exception(f"the fleet's profile does not expose the {self._what}")

    def __len__(self) -> int:
        raise self._skip()

    def __iter__(self) -> Iterator[Any]:
        raise self._skip()

    def __repr__(self) -> str:
        return f"({self._what} not available)"


class UnavailableRow(_Unavailable, Mapping[str, Any]):
    """A row that the profile does not expose."""

    def __getitem__(self, name: str) -> Any:
        raise self._skip()


class UnavailableEvents(_Unavailable, Sequence[tuple[str, Any]]):
    """Events that the profile does not expose."""

    @overload
    def __getitem__(self, place: int) -> tuple[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[tuple[str, Any]]: ...
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return self
        raise self._skip()
