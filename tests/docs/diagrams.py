"""Diagrams of the workflow, its data and the deployment, as Mermaid."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.docs.markdown import GENERATED, mermaid
from trackproof.contracts.dataflow.expressions import expressions
from trackproof.contracts.dataflow.graph import StepNode, build_graph
from trackproof.contracts.docs_page import pipeline_diagram
from trackproof.contracts.load import Contracts, load_contracts

COMPOSE = Path(__file__).parents[2] / "tools" / "compose" / "compose.yaml"
SOURCE = re.compile(r"^(?P<task>\w+)\.(?P<side>input|output)(?P<path>.*)$")
WORKFLOW_INPUT = "workflow"


def render() -> str:
    """Return the page."""
    contracts = load_contracts()
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    return "\n".join(
        [
            "# Diagrams\n",
            GENERATED,
            "The layers of the code: [ARCHITECTURE.md](../ARCHITECTURE.md).\n",
            "## The workflow\n",
            "From contracts/workflows/diarization_pipeline.json.\n",
            "```mermaid\n" + "\n".join(["flowchart TD", *pipeline_diagram(contracts)]) + "\n```\n",
            "## Data between tasks\n",
            "From the workflow's input expressions. Each task also takes the transcript's id.\n",
            mermaid("flowchart LR", data_flow(contracts)),
            "## Outside services, storage and rows\n",
            "From the effects in contracts/tasks: solid arrows are calls, dotted ones writes.\n",
            mermaid("flowchart LR", effects(contracts)),
            "## The deployment\n",
            "From [tools/compose/compose.yaml](../tools/compose/compose.yaml); see "
            "[deployment.md](deployment.md). Arrows: what waits for what. Ports: the host's.\n",
            mermaid("flowchart LR", deployment(services)),
        ]
    )


def data_flow(contracts: Contracts) -> Iterator[str]:
    """Yield an edge for each pair of tasks, with the fields that pass."""
    graph, _ = build_graph(contracts.workflow["tasks"])
    kinds = {node.reference: node for node in graph.nodes}
    fields: dict[tuple[str, str], list[str]] = {}
    for node in graph.nodes:
        if node.kind == "JOIN":  # it takes the outputs of its fork's branches
            fork = graph.nodes[graph.nodes.index(node) - 1] if node.fork is None else node.fork
            if fork.kind == "FORK_JOIN_DYNAMIC":
                fields[fork.reference, node.reference] = ["every branch's output"]
        for _, expression in expressions(dict(node.inputs), ""):
            source = SOURCE.match(expression)
            if source is None or source["path"].strip(".") == "transcript_id":
                continue
            passed = fields.setdefault((source["task"], node.reference), [])
            name = source["path"].strip(".") or "all"
            if name not in passed:
                passed.append(name)
    used = dict.fromkeys(reference for pair in fields for reference in pair)
    for reference in used:
        yield _data_node(reference, kinds.get(reference))
    for (source_name, target), names in fields.items():
        yield f'{source_name} -->|"{", ".join(names)}"| {target}'


def _data_node(reference: str, node: StepNode | None) -> str:
    if reference == WORKFLOW_INPUT:
        return f'{reference}[/"the workflow\'s input"/]'
    if node is not None and node.kind == "FORK_JOIN_DYNAMIC":
        return f'{reference}[["{reference}"]]'
    return f'{reference}["{reference}"]'


def effects(contracts: Contracts) -> Iterator[str]:
    """Yield what each task calls, stores and emits."""
    for service in contracts.services:
        yield f'{service}(["{service}"])'
    yield 's3[("S3")]'
    yield 'database[("database")]'
    yield 'events>"events"]'
    for task in contracts.tasks_in_order:
        yield f'{task.name}["{task.name}"]'
        calls: dict[str, list[str]] = {}
        for call in task.effects.get("calls", ()):
            calls.setdefault(call["service"], []).append(call["operation"])
        for service, operations in calls.items():
            yield f'{task.name} -->|"{", ".join(dict.fromkeys(operations))}"| {service}'
        if actions := dict.fromkeys(one["action"] for one in task.effects.get("s3", ())):
            yield f'{task.name} -.->|"{", ".join(actions)}"| s3'
        for row in task.effects.get("database", ()):
            yield f'{task.name} -.->|"{row["table"]}: {", ".join(row["columns"])}"| database'
        if emitted := task.effects.get("events"):
            yield f'{task.name} -.->|"{", ".join(emitted)}"| events'


def deployment(services: Mapping[str, Any]) -> Iterator[str]:
    """Yield the services of a compose file, what they wait for, their ports and volumes."""
    for name, service in services.items():
        notes = [name]
        if replicas := service.get("deploy", {}).get("replicas"):
            notes.append(f"{default(replicas)} replicas")
        if profiles := service.get("profiles"):
            notes.append(f"profile {', '.join(profiles)}")
        yield f'{name}["{"<br/>".join(notes)}"]'
        for port in service.get("ports", ()):
            _, outside, inside = default(port).rsplit(":", 2)
            yield f'port_{outside}(["port {outside}"]) --> |"{inside}"| {name}'
        for other in service.get("depends_on", {}):
            yield f"{name} --> {other}"
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            yield f'{name} -.- {source}[("{source}")]'


def default(text: str) -> str:
    """Replace each `${NAME:-value}` by its value."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(text))
