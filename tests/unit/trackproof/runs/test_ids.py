from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trackproof.errors import UsageError
from trackproof.runs.ids import id_sequence, new_id, new_seed, seed_time, use_id_seed

SEED = "1795653142-6eca032aa04b"


def named(seed: str, test: str, count: int = 3) -> list[str]:
    with use_id_seed(seed, test):
        return [new_id() for _ in range(count)]


def test_the_same_seed_and_test_have_the_same_names_again() -> None:
    assert named(SEED, "test_a") == named(SEED, "test_a")


def test_no_two_names_of_a_verification_are_the_same() -> None:
    found = [*named(SEED, "test_a"), *named(SEED, "test_b"), *named(new_seed(), "test_a")]

    assert len(set(found)) == len(found)
    assert all(len(name) == 12 and int(name, 16) >= 0 for name in found)


def test_outside_tests_names_are_new_each_time() -> None:
    assert new_id() != new_id()


def test_names_are_new_again_after_a_test() -> None:
    named(SEED, "test_a")

    assert id_sequence().started_at > seed_time(SEED) - timedelta(days=365 * 60)
    assert new_id() not in named(SEED, "test_a")


def test_a_seed_holds_its_moment() -> None:
    assert seed_time(SEED) == datetime(2026, 11, 26, 0, 32, 22, tzinfo=UTC)
    assert abs(seed_time(new_seed()) - datetime.now(UTC)) < timedelta(minutes=5)


@pytest.mark.parametrize("seed", ["", "1", "1-2", f"{SEED}0", "x-6eca032aa04b"])
def test_what_is_no_seed_is_told(seed: str) -> None:
    with pytest.raises(UsageError, match="is no seed of names"):
        seed_time(seed)
