"""Render the contracts as one Markdown page: tables, a drawing of the DAG, every clause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trackproof.contracts.bundle import Schema
from trackproof.contracts.events_and_services import operations
from trackproof.contracts.load import Clause, Contracts, TaskContract
from trackproof.contracts.traceability import Criterion

HEADER = """\
# The contracts

<!-- Written by `trackproof contracts docs`; the source is the folder contracts/. -->

What every fleet must do, whatever language it is written in. Times are in seconds, sizes in
bytes.
"""


def render(contracts: Contracts, criteria: Sequence[Criterion]) -> str:
    """Return the whole page."""
    parts = [
        HEADER,
        "## The pipeline\n",
        "```mermaid\n" + "\n".join(["flowchart TD", *_drawing(contracts)]) + "\n```\n",
        "## Time-outs and retries\n",
        _definitions(contracts),
        "## Tasks\n",
        *(_task(task) for task in contracts.tasks_in_order),
        "## The pipeline as a whole\n",
        _clauses(contracts.pipeline_clauses),
        "## Events\n",
        f"Told to whoever watches a transcript, in the room `{contracts.event_room}`.\n",
        *_events(contracts),
        "## Outside services\n",
        "Whole in contracts/services, as OpenAPI 3.1; limited to what is used.\n",
        _services(contracts),
        "## What is not a worker's business\n",
        "Acceptance criteria of the product's task list that no clause holds.\n",
        _table(
            ("item", "criterion", "why"),
            [(c.item, c.text, c.not_a_worker) for c in criteria if c.not_a_worker],
        ),
    ]
    return "\n".join(parts)


def _drawing(contracts: Contracts) -> Iterator[str]:
    """Yield the DAG in Mermaid's language."""
    names = {step.reference: step.task_type for step in contracts.steps if step.dynamic}
    previous: list[str] = []
    for task in contracts.workflow["tasks"]:
        reference = task["taskReferenceName"]
        match task["type"]:
            case "JOIN":
                continue
            case "FORK_JOIN":
                ends = []
                for branch in task["forkTasks"]:
                    for before in previous:
                        yield f"  {before} --> {branch[0]['taskReferenceName']}"
                    ends.append(branch[-1]["taskReferenceName"])
                previous = ends
                continue
            case "FORK_JOIN_DYNAMIC":
                yield f'  {reference}[["{names[reference]} × tracks"]]'
            case _ if task.get("optional"):
                yield f"  {reference}([{reference}, may fail])"
            case _:
                pass
        for before in previous:
            yield f"  {before} --> {reference}"
        previous = [reference]


def _definitions(contracts: Contracts) -> str:
    shown = ("timeoutSeconds", "responseTimeoutSeconds", "retryCount", "retryLogic")
    rows = []
    for task in contracts.tasks_in_order:
        definition = task.task_definition()
        delay = f"{definition['retryDelaySeconds']} s"
        rows.append((f"`{task.name}`", *(definition[name] for name in shown), delay))
    return _table(
        ("task", "time-out", "response time-out", "retries", "retry logic", "first delay"), rows
    )


def _task(task: TaskContract) -> str:
    parts = [
        f"### {task.name}\n",
        f"{task.summary} ({', '.join(task.seed)})\n",
        "Input:\n",
        _fields(task.input),
        "Output:\n",
        _fields(task.output),
    ]
    if effects := list(_effects(task.effects)):
        parts.append("Effects:\n\n" + "\n".join(f"- {effect}" for effect in effects) + "\n")
    if task.constants:
        named = (f"`{name}` is {value}" for name, value in task.constants.items())
        parts.append(f"Constants: {', '.join(named)}.\n")
    failures = [
        f"- {kind}: {'; '.join(task.errors[name]) or 'none'}"
        for kind, name in (("retried", "retryable"), ("at once for good", "terminal"))
    ]
    parts.append("Failures:\n\n" + "\n".join(failures) + "\n")
    cache = task.idempotency["cache_key"]
    key = f" Cache key: {', '.join(cache)}." if cache else ""
    parts.append(f"Twice: {task.idempotency['rule']}{key}\n")
    parts.append(_clauses(task.clauses))
    return "\n".join(parts)


def _events(contracts: Contracts) -> Iterator[str]:
    for name, schema in contracts.events.items():
        tasks = [t.name for t in contracts.tasks_in_order if name in t.effects.get("events", ())]
        by = ", ".join(f"`{task}`" for task in tasks) or "every task"
        yield f"### {name}\n\n{schema['description']} Told by {by}.\n\n{_fields(schema)}"


def _services(contracts: Contracts) -> str:
    rows = [
        (name, f"`{operation.id}`", f"{operation.method} `{operation.path}`", operation.summary)
        for name, document in contracts.services.items()
        for operation in operations(document)
    ]
    return _table(("service", "operation", "call", "what for"), rows)


def _effects(effects: Mapping[str, Any]) -> Iterator[str]:
    for stored in effects.get("s3", ()):
        when = f", when {stored['when']}" if "when" in stored else ""
        yield f"S3 {stored['action']} `{stored['key']}` in {stored['bucket']}{when}"
    if seconds := effects.get("presign_seconds"):
        yield f"URLs are presigned for {seconds} s"
    for row in effects.get("database", ()):
        yield f"database `{row['table']}`: {', '.join(row['columns'])}"
    if events := effects.get("events"):
        yield f"events: {', '.join(events)}"
    for call in effects.get("calls", ()):
        yield f"{call['service']} `{call['operation']}`: {call['count']}"


def _fields(schema: Schema) -> str:
    whole = _resolved(schema, schema)
    required = set(whole.get("required", ()))
    rows = [
        (
            f"`{name}`",
            _kind(field, schema),
            "yes" if name in required else "no",
            _resolved(field, schema).get("description", "") or field.get("description", ""),
        )
        for name, field in whole.get("properties", {}).items()
    ]
    return _table(("field", "type", "required", "meaning"), rows)


def _kind(schema: Schema, root: Schema) -> str:
    """Return a schema's type in a few words."""
    if reference := schema.get("$ref"):
        return f"{reference.rpartition('/')[2]}"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_kind(option, root) for option in schema["anyOf"])
    kinds = schema.get("type", "any")
    names = [kinds] if isinstance(kinds, str) else list(kinds)
    if "array" in names and "items" in schema:
        names[names.index("array")] = f"array of {_kind(schema['items'], root)}"
    return " or ".join(names)


def _resolved(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    shape: Schema = root["$defs"][reference.rpartition("/")[2]]
    return shape


def _clauses(clauses: Sequence[Clause]) -> str:
    rows = [(f"`{c.id}`", c.text, c.seed, c.severity) for c in clauses]
    return _table(("clause", "what must hold", "seed", "severity"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    def line(cells: Sequence[object]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([line(head), "|" + "---|" * len(head), *map(line, rows)]) + "\n"
