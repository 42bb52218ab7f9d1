from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trackproof.errors import UsageError
from trackproof.runs.ids import id_sequence, names_id, new_id, new_seed, seed_time, use_id_seed

SEED = "1795653142-6eca032aa04b"


def new_ids(seed: str, test: str, count: int = 3) -> list[str]:
    with use_id_seed(seed, test):
        return [new_id() for _ in range(count)]


def test_ids_are_reproducible_from_seed_and_test() -> None:
    assert new_ids(SEED, "test_a") == new_ids(SEED, "test_a")


def test_ids_are_unique() -> None:
    ids = [*new_ids(SEED, "test_a"), *new_ids(SEED, "test_b"), *new_ids(new_seed(), "test_a")]

    assert len(set(ids)) == len(ids)
    assert all(len(one) == 12 and int(one, 16) >= 0 for one in ids)


def test_ids_outside_tests_are_always_new() -> None:
    assert new_id() != new_id()


def test_ids_after_a_test_are_new() -> None:
    new_ids(SEED, "test_a")

    assert id_sequence().started_at > seed_time(SEED) - timedelta(days=365 * 60)
    assert new_id() not in new_ids(SEED, "test_a")


def test_words_differ_from_one_verification_to_the_next_only() -> None:
    with use_id_seed(SEED, "test_a") as ids:
        first = [ids.words_seed(0), ids.words_seed(1)]
    with use_id_seed(SEED, "test_b") as ids:
        other_test = [ids.words_seed(0), ids.words_seed(1)]
    with use_id_seed(new_seed(), "test_a") as ids:
        repeated = [ids.words_seed(0), ids.words_seed(1)]

    assert first == other_test
    assert len({*first, *repeated}) == 4


def test_a_longer_id_does_not_name_the_one_it_begins_with() -> None:
    assert names_id("https://host/transcripts/transcript-1a?x", "transcript-1a")
    assert names_id('{"id": 17}', 17)
    assert not names_id("/transcripts/transcript-1a0", "transcript-1a")
    assert not names_id("my-transcript-1a", "transcript-1a")


def test_a_seed_contains_its_time() -> None:
    assert seed_time(SEED) == datetime(2026, 11, 26, 0, 32, 22, tzinfo=UTC)
    assert abs(seed_time(new_seed()) - datetime.now(UTC)) < timedelta(minutes=5)


@pytest.mark.parametrize("seed", ["", "1", "1-2", f"{SEED}0", "x-6eca032aa04b"])
def test_a_malformed_seed_is_a_usage_error(seed: str) -> None:
    with pytest.raises(UsageError, match="is not an id seed"):
        seed_time(seed)
