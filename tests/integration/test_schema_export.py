"""The contracts' schemas travel with the task definitions to servers that keep them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contracts.load import load_contracts
from tools.testbed.conductor import VERSIONS, ConductorRest, ConductorServer, register

pytestmark = pytest.mark.conductor


@pytest.mark.parametrize("version", list(VERSIONS))
def test_every_version_takes_the_definitions_and_newer_ones_keep_the_schemas(
    version: str, conductor_of: Callable[[str], ConductorServer]
) -> None:
    contracts = load_contracts()
    server = conductor_of(version)
    register(server.api_url, contracts.task_definitions(), contracts.workflow)

    again = register(server.api_url, contracts.task_definitions(), contracts.workflow)

    assert len(again.unchanged) == len(contracts.tasks) + 1
    with ConductorRest(server.api_url) as rest:
        for name, task in contracts.tasks.items():
            kept = rest.task_definition(name) or {}
            if version == "3.15.0":
                assert "inputSchema" not in kept
            else:
                assert kept["inputSchema"]["data"] == task.input
                assert kept["outputSchema"]["data"] == task.output
                assert kept["enforceSchema"] is True
