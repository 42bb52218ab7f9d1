"""Scenarios: meetings with audio, faults and expectations, as TOML files."""

from trackproof.scenarios.catalogue import find_scenario, list_scenarios
from trackproof.scenarios.scenario_file import (
    AudioKind,
    ScenarioFault,
    ScenarioFile,
    read_scenario,
    schema,
)

__all__ = [
    "AudioKind",
    "ScenarioFault",
    "ScenarioFile",
    "find_scenario",
    "list_scenarios",
    "read_scenario",
    "schema",
]
