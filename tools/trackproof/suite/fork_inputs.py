"""The inputs of a dynamic fork's branches, as fork_inputs.yaml composes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackproof.contracts.load import load_contracts
from trackproof.contracts.yaml_files import read_data

FORK_INPUTS = read_data(load_contracts().root / "fork_inputs.yaml")


def branch_inputs(task_type: str, sources: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the input of each branch: one for each of the `tracks`.

    Args:
        task_type: The task type of the branches.
        sources: The inputs of the fork's helper by name; `padded_tracks` is a list.
    """
    return [
        {
            name: _from_source(source, index, sources)
            for name, source in FORK_INPUTS["inputs"][task_type].items()
        }
        for index in range(len(sources["tracks"]))
    ]


def _from_source(source: str, index: int, sources: Mapping[str, Any]) -> Any:
    """Return the value of a source, which fork_inputs.yaml explains, for one branch."""
    if source == "index":
        return index
    name, _, path = source.partition("[].")
    if not path:
        return sources[name]
    field, _, key = path.partition(" by ")
    items = sources[name]
    item = next(one for one in items if one.get(key) == index) if key else items[index]
    return item.get(field)
