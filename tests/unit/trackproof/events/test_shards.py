"""How a verification is divided over several machines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackproof.events.shards import Shard, split

WEIGHTS = {"pipeline": 89.0, "pad_track": 43.0, "mixdown_tracks": 40.0, "finalize": 8.0}


def test_tasks_are_balanced_and_keep_their_order() -> None:
    assert split(WEIGHTS, 2) == (("pipeline",), ("pad_track", "mixdown_tracks", "finalize"))


@settings(max_examples=25)
@given(st.dictionaries(st.text(max_size=3), st.floats(1, 100), max_size=20), st.integers(1, 6))
def test_each_task_is_in_one_shard_and_no_shard_is_overloaded(
    weights: dict[str, float], count: int
) -> None:
    shards = split(weights, count)

    assert len(shards) == count
    assert sorted(task for shard in shards for task in shard) == sorted(weights)
    loads = [sum(weights[task] for task in shard) for shard in shards]
    assert max(loads) <= min(loads) + max(weights.values(), default=0) + 1e-6


@pytest.mark.parametrize(
    "text", ["", "0/3", "4/3", "1/0", "1", "a/b", "-1/3", "1/3/5", "1.5/3", "١/٣"]
)
def test_a_text_that_names_no_shard_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is not a shard such as 1/3"):
        Shard.parse(text)


def test_a_shard_is_written_as_it_is_parsed() -> None:
    assert str(Shard.parse(" 2/3 ")) == "2/3"
