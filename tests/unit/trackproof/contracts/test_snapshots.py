"""What is rendered from the contracts: a change shows in review."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from trackproof.contracts.load import load_contracts


def test_task_definitions(snapshot: SnapshotAssertion) -> None:
    definitions = [
        {
            key: value
            for key, value in definition.items()
            if key not in {"inputSchema", "outputSchema"}
        }
        for definition in load_contracts().task_definitions()
    ]

    assert definitions == snapshot.use_extension(JSONSnapshotExtension)


def test_schemas(snapshot: SnapshotAssertion) -> None:
    tasks = load_contracts().tasks
    schemas = {name: {"input": task.input, "output": task.output} for name, task in tasks.items()}

    assert schemas == snapshot.use_extension(JSONSnapshotExtension)


def test_workflow(snapshot: SnapshotAssertion) -> None:
    assert load_contracts().workflow == snapshot.use_extension(JSONSnapshotExtension)


def test_events(snapshot: SnapshotAssertion) -> None:
    assert load_contracts().events == snapshot.use_extension(JSONSnapshotExtension)


def test_services(snapshot: SnapshotAssertion) -> None:
    assert load_contracts().services == snapshot.use_extension(JSONSnapshotExtension)
