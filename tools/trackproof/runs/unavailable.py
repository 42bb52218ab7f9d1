"""What a fleet does not show: whoever looks at it learns that it cannot be judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

import pytest


class _Unseen:
    """Looked at, it skips the test that looks."""

    def __init__(self, what: str) -> None:
        """Stand for something that the fleet's profile does not say how to see."""
        self._what = what

    def _skipped(self) -> BaseException:
        return pytest.skip.Exception(
            f"the fleet's profile does not say how its {self._what} can be seen"
        )

    def __len__(self) -> int:
        raise self._skipped()

    def __iter__(self) -> Iterator[Any]:
        raise self._skipped()

    def __repr__(self) -> str:
        return f"(the {self._what} cannot be seen)"


class UnseenRow(_Unseen, Mapping[str, Any]):
    """A row that the fleet does not show."""

    def __getitem__(self, name: str) -> Any:
        raise self._skipped()


class UnseenEvents(_Unseen, Sequence[tuple[str, Any]]):
    """Events that the fleet does not show."""

    @overload
    def __getitem__(self, place: int) -> tuple[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[tuple[str, Any]]: ...
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return self
        raise self._skipped()
