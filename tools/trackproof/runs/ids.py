"""Ids and words that are new in every verification and reproducible in a replay.

A fleet may cache its answers, so every verification needs new ids and new words. A replay needs
those of the failure. Both follow from deriving all of them from one seed and the test's own id.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from itertools import count

from trackproof.errors import UsageError

SEED = re.compile(r"(\d{1,10})-[0-9a-f]{12}")


class IdSequence:
    """The ids of one test."""

    def __init__(self, seed: str, test: str) -> None:
        """Start with the first id.

        Args:
            seed: The seed of the verification, as `new_seed` returns it.
            test: The id of the test; different tests get different ids.
        """
        self.started_at = seed_time(seed)
        self._seed = seed
        self._source = f"{seed}\n{test}"
        self._count = count()

    def new(self) -> str:
        """Return the next id: twelve hexadecimal digits."""
        digest = hashlib.sha256(f"{self._source}\n{next(self._count)}".encode())
        return digest.hexdigest()[:12]

    def words_seed(self, number: int) -> int:
        """Return a seed for words: the same for equal numbers in one verification only."""
        return int(hashlib.sha256(f"{self._seed}\n{number}".encode()).hexdigest()[:12], 16)


_CURRENT: ContextVar[IdSequence | None] = ContextVar("id_sequence", default=None)


def new_seed() -> str:
    """Return a unique seed: epoch seconds and twelve random hexadecimal digits."""
    return f"{int(time.time())}-{secrets.token_hex(6)}"


def seed_time(seed: str) -> datetime:
    """Return the time in a seed, at which all its meetings start.

    Raises:
        UsageError: `seed` is not a seed.
    """
    if not (match := SEED.fullmatch(seed)):
        raise UsageError(
            f"{seed!r} is not an id seed",
            hint="a seed is epoch seconds, a dash and twelve hexadecimal digits; a stored failure "
            "contains one",
        )
    return datetime.fromtimestamp(int(match[1]), UTC)


@contextmanager
def use_id_seed(seed: str, test: str) -> Iterator[IdSequence]:
    """Derive all ids within the block from `seed`."""
    token = _CURRENT.set(IdSequence(seed, test))
    try:
        yield id_sequence()
    finally:
        _CURRENT.reset(token)


def names_id(text: str, id_: object) -> bool:
    """Return whether a text has an id as a whole, not as the beginning of a longer one."""
    return re.search(rf"(?<![\w-]){re.escape(str(id_))}(?![\w-])", text) is not None


def id_sequence() -> IdSequence:
    """Return the sequence of the running test; a new one outside tests."""
    return _CURRENT.get() or IdSequence(new_seed(), "")


def new_id() -> str:
    """Return an id that is unique in this verification: twelve hexadecimal digits."""
    return id_sequence().new()
