"""Access to data that the profile does not expose skips the clause."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trackproof.runs.unavailable import UnavailableEvents, UnavailableRow


@pytest.mark.parametrize(
    "access",
    [
        lambda: UnavailableRow("row")["title"],
        lambda: list(UnavailableEvents("events")[2:]),
        lambda: len(UnavailableEvents("events")),
    ],
)
def test_access_skips_the_clause(access: Callable[[], object]) -> None:
    with pytest.raises(pytest.skip.Exception, match="does not expose"):
        access()
