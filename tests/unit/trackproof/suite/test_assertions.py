from __future__ import annotations

from typing import Any

import pytest

from trackproof.suite.assertions import ClauseViolation, expect


@pytest.mark.parametrize("value", ["x", 0, 0.0, False, [None], {"a": None}])
def test_a_value_is_filled(value: Any) -> None:
    expect(value, "value").is_filled()


@pytest.mark.parametrize("value", [None, "", [], {}, ()])
def test_nothing_is_not_filled(value: Any) -> None:
    with pytest.raises(ClauseViolation, match="title: expected a value that is not empty"):
        expect(value, "title").is_filled()
