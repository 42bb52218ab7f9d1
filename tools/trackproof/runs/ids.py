"""IdSequence that are new in every verification, and the same again when one is replayed.

A fleet remembers what it was asked: the next meeting must go by names nobody has heard. A failure
is replayed with the very names it was seen with: they all come from one seed, test by test.
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
    """The names of one test."""

    def __init__(self, seed: str, test: str) -> None:
        """Begin with the first name.

        Args:
            seed: Of the whole verification: `new_seed` makes one.
            test: Its id; no two tests have a name in common.
        """
        self.moment = moment_of(seed)
        self._source = f"{seed}\n{test}"
        self._count = count()

    def new(self) -> str:
        """Return twelve hexadecimal digits that were not given before."""
        digest = hashlib.sha256(f"{self._source}\n{next(self._count)}".encode())
        return digest.hexdigest()[:12]


_NAMES: ContextVar[IdSequence | None] = ContextVar("names", default=None)


def new_seed() -> str:
    """Return a seed nobody has had: the moment in seconds and twelve digits of chance."""
    return f"{int(time.time())}-{secrets.token_hex(6)}"


def moment_of(seed: str) -> datetime:
    """Return the moment at which a seed's meetings begin.

    Raises:
        UsageError: That is no seed.
    """
    if not (found := SEED.fullmatch(seed)):
        raise UsageError(
            f"{seed!r} is no seed of names",
            hint="it is seconds, a dash and twelve hexadecimal digits; a kept failure has one",
        )
    return datetime.fromtimestamp(int(found[1]), UTC)


@contextmanager
def use_id_seed(seed: str, test: str) -> Iterator[IdSequence]:
    """Have all names follow `seed` within the block."""
    token = _NAMES.set(IdSequence(seed, test))
    try:
        yield names()
    finally:
        _NAMES.reset(token)


def names() -> IdSequence:
    """Return the names of the test that runs; new ones outside any."""
    return _NAMES.get() or IdSequence(new_seed(), "")


def new_id() -> str:
    """Return twelve hexadecimal digits that nobody has heard in this verification."""
    return names().new()
