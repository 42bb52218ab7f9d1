"""Real servers: one Conductor a version, for all tests that only use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tools.testbed.conductor import ConductorServer, start_process
from tools.testbed.conductor.versions import DEFAULT_VERSION


@pytest.fixture(scope="session")
def conductor_of() -> Iterator[Callable[[str], ConductorServer]]:
    """Start a server of a version when it is first asked for."""
    with ExitStack() as stack:
        running: dict[str, ConductorServer] = {}

        def of(version: str) -> ConductorServer:
            if version not in running:
                server = start_process(version, report=lambda _: None)
                running[version] = stack.enter_context(server)
            return running[version]

        yield of


@pytest.fixture
def conductor(conductor_of: Callable[[str], ConductorServer]) -> ConductorServer:
    """Return a server of the default version."""
    return conductor_of(DEFAULT_VERSION)
