from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from trackproof.runs.unavailable import NotVisible
from trackproof.suite.clauses.shutdown import shut_down
from trackproof.suite.harness import Harness


@pytest.mark.parametrize(("is_own", "part"), [(False, "process"), (True, "traffic")])
def test_a_fleet_that_cannot_be_ended_or_seen_is_not_judged(is_own: bool, part: str) -> None:
    bare: Any = object.__new__(Harness)
    bare.fleet = SimpleNamespace(is_own=is_own, traffic=None)

    with pytest.raises(NotVisible) as caught:
        shut_down(cast("Harness", bare), "get_recording")

    assert caught.value.part == part
