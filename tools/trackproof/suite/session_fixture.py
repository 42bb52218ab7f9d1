"""The fixture `session_harness`.

A plug-in of its own, because pytest deprecates session fixtures that are methods of an instance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from trackproof.suite.harness import Harness

OPENER = pytest.StashKey[Callable[[pytest.Config], AbstractContextManager[Harness]]]()
"""Opens the session of the verification."""


@pytest.fixture(scope="session")
def session_harness(pytestconfig: pytest.Config) -> Iterator[Harness]:
    """Return the harness of the one session that all tests share."""
    with pytestconfig.stash[OPENER](pytestconfig) as harness:
        yield harness
