"""Access to data that the profile does not expose skips the clause."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trackproof.runs.unavailable import NotVisible, UnavailableEvents, UnavailableRow


@pytest.mark.parametrize(
    "access",
    [
        lambda: UnavailableRow("rows", "the row")["title"],
        lambda: list(UnavailableEvents("events", "events")[2:]),
        lambda: len(UnavailableEvents("events", "events")),
    ],
)
def test_access_skips_the_clause(access: Callable[[], object]) -> None:
    with pytest.raises(NotVisible, match="does not expose"):
        access()
