"""Access to data that the profile does not expose skips the clause."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trackproof.runs.unavailable import UnseenEvents, UnseenRow


@pytest.mark.parametrize(
    "access",
    [
        lambda: UnseenRow("row")["title"],
        lambda: list(UnseenEvents("events")[2:]),
        lambda: len(UnseenEvents("events")),
    ],
)
def test_access_skips_the_clause(access: Callable[[], object]) -> None:
    with pytest.raises(pytest.skip.Exception, match="does not say how"):
        access()
