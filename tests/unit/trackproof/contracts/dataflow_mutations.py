"""Mutations that break the contracts, each with the expected location, and harmless changes.

A mutation takes contracts and a source of randomness and returns broken copies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from trackproof.contracts.load import Contracts, TaskContract

WORKFLOW = "workflows/diarization_pipeline.json"
WORDS = ("apple", "bridge", "cloud", "delta_9", "échelle", "f0rk", "x")

Raw = dict[str, Any]


@dataclass(frozen=True)
class Broken:
    """Contracts with one fault; a defect must be reported at one of the locations."""

    what: str
    contracts: Contracts
    locations: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Use:
    """An expression in a task's inputParameters."""

    pointer: str
    task: Raw
    key: str

    @property
    def text(self) -> str:
        return str(self.task["inputParameters"][self.key])

    @property
    def parts(self) -> list[str]:
        return self.text[2:-1].split(".")


Mutation = Callable[[Contracts, Random], Broken]
Change = Callable[[Contracts, Random], Contracts]


def with_workflow(contracts: Contracts, change: Callable[[Raw], object]) -> Contracts:
    workflow = deepcopy(dict(contracts.workflow))
    change(workflow)
    return replace(contracts, workflow=workflow)


def with_task(contracts: Contracts, name: str, **parts: Any) -> Contracts:
    return replace(
        contracts, tasks={**contracts.tasks, name: replace(contracts.tasks[name], **parts)}
    )


def with_property(contracts: Contracts, name: str, side: str, field: str, schema: Any) -> Contracts:
    """Replace the schema of a field, or remove the field if `schema` is None."""
    whole = own_schema(contracts.tasks[name], side)
    if schema is None:
        del whole["properties"][field]
        whole["required"] = [other for other in whole.get("required", []) if other != field]
    else:
        whole["properties"][field] = schema
    return with_task(contracts, name, **{side: whole})


def own_schema(task: TaskContract, side: str) -> Raw:
    """Return a copy of the input or output schema with its root reference resolved."""
    schema: Raw = deepcopy(task.input if side == "input" else task.output)
    if "$ref" in schema:
        shape = schema["$defs"][schema.pop("$ref").rpartition("/")[2]]
        schema |= deepcopy(shape)
    return schema


def tasks_of(workflow: Raw) -> Iterator[tuple[str, Raw]]:
    """Yield every task with its pointer, including those in branches."""
    yield from _chain(workflow["tasks"], "/tasks")


def _chain(tasks: list[Raw], place: str) -> Iterator[tuple[str, Raw]]:
    for index, task in enumerate(tasks):
        yield f"{place}/{index}", task
        for number, branch in enumerate(task.get("forkTasks", [])):
            yield from _chain(branch, f"{place}/{index}/forkTasks/{number}")


def uses_of(workflow: Raw) -> list[Use]:
    return [
        Use(f"{place}/inputParameters/{key}", task, key)
        for place, task in tasks_of(workflow)
        for key, value in task.get("inputParameters", {}).items()
        if value.startswith("${")
    ]


def _broken_workflow(
    contracts: Contracts, what: str, change: Callable[[Raw], str | list[str]]
) -> Broken:
    workflow = deepcopy(dict(contracts.workflow))
    changed = change(workflow)
    pointers = [changed] if isinstance(changed, str) else changed
    broken = replace(contracts, workflow=workflow)
    return Broken(what, broken, frozenset((WORKFLOW, pointer) for pointer in pointers))


def misspell_source(contracts: Contracts, random: Random) -> Broken:
    def change(workflow: Raw) -> str:
        use = random.choice(uses_of(workflow))
        root, _, rest = use.text[2:-1].partition(".")
        use.task["inputParameters"][use.key] = f"${{{root}_{random.choice('abc')}.{rest}}}"
        return use.pointer

    return _broken_workflow(contracts, "a reference to an unknown task", change)


def misspell_field(contracts: Contracts, random: Random) -> Broken:
    def change(workflow: Raw) -> str:
        use = random.choice([use for use in uses_of(workflow) if len(use.parts) > 2])
        use.task["inputParameters"][use.key] = f"{use.text[:-1]}_{random.choice('abc')}}}"
        return use.pointer

    return _broken_workflow(contracts, "a reference to an unknown field", change)


def drop_required_input(contracts: Contracts, random: Random) -> Broken:
    def change(workflow: Raw) -> str:
        place, task, name = random.choice(
            [
                (place, task, name)
                for place, task in tasks_of(workflow)
                if task["type"] == "SIMPLE"
                for name in contracts.tasks[task["name"]].input["required"]
            ]
        )
        del task["inputParameters"][name]
        return f"{place}/inputParameters"

    return _broken_workflow(contracts, "a required input is missing", change)


def add_unknown_input(contracts: Contracts, random: Random) -> Broken:
    def change(workflow: Raw) -> str:
        place, task = random.choice(_simple(workflow))
        name = random.choice(WORDS)
        task["inputParameters"][name] = random.choice([1, "text", "${workflow.input.room_id}"])
        return f"{place}/inputParameters/{name}"

    return _broken_workflow(contracts, "an unknown input", change)


def _simple(workflow: Raw) -> list[tuple[str, Raw]]:
    return [(place, task) for place, task in tasks_of(workflow) if task["type"] == "SIMPLE"]


def _typed_uses(contracts: Contracts) -> list[tuple[Use, str, str]]:
    """List each use of a SIMPLE task's output by a SIMPLE task, with source task type and field."""
    workflow = deepcopy(dict(contracts.workflow))
    kinds = {task["taskReferenceName"]: task for _, task in tasks_of(workflow)}
    return [
        (use, kinds[use.parts[0]]["name"], use.parts[2])
        for use in uses_of(workflow)
        if use.task["type"] == "SIMPLE"
        and use.parts[0] in kinds
        and kinds[use.parts[0]]["type"] == "SIMPLE"
    ]


def _all_uses_of(contracts: Contracts, task_type: str, field: str) -> frozenset[tuple[str, str]]:
    return frozenset(
        (WORKFLOW, use.pointer)
        for use, name, of in _typed_uses(contracts)
        if (name, of) == (task_type, field)
    )


def swap_output_type(contracts: Contracts, random: Random) -> Broken:
    _, name, field = random.choice(_typed_uses(contracts))
    schema = random.choice([{"type": "boolean"}, {"type": "array", "items": {"type": "boolean"}},
                            {"const": False}])  # fmt: skip
    broken = with_property(contracts, name, "output", field, schema)
    what = f"the output {field} of {name} has another type"
    return Broken(what, broken, _all_uses_of(contracts, name, field))


def rename_output(contracts: Contracts, random: Random) -> Broken:
    _, name, field = random.choice(_typed_uses(contracts))
    old = contracts.tasks[name].output["properties"][field]
    broken = with_property(contracts, name, "output", field, None)
    broken = with_property(broken, name, "output", f"{field}_{random.choice('abc')}", old)
    what = f"the output {field} of {name} is renamed"
    return Broken(what, broken, _all_uses_of(contracts, name, field))


def make_output_optional(contracts: Contracts, random: Random) -> Broken:
    strict = [
        (name, field) for use, name, field in _typed_uses(contracts) if field != "mtg_session_id"
    ]
    name, field = random.choice(strict)
    schema = own_schema(contracts.tasks[name], "output")
    schema["required"] = [other for other in schema["required"] if other != field]
    broken = with_task(contracts, name, output=schema)
    return Broken(
        f"the output {field} of {name} is optional", broken, _all_uses_of(contracts, name, field)
    )


def narrow_input(contracts: Contracts, random: Random) -> Broken:
    workflow = deepcopy(dict(contracts.workflow))
    use = random.choice([use for use in uses_of(workflow) if use.task["type"] == "SIMPLE"])
    narrow = random.choice(
        [
            {"type": "boolean"},
            {"type": "string", "minLength": 500},
            {"type": "string", "enum": ["a", "b"]},
            {"type": "number", "maximum": 10},
            {"type": "array", "maxItems": 0},
            {"type": "object", "required": ["there_is_no_such_field"], "minProperties": 900},
            {"const": "z"},
        ]
    )
    broken = with_property(contracts, use.task["name"], "input", use.key, narrow)
    return Broken(f"{use.key} takes {narrow}", broken, frozenset({(WORKFLOW, use.pointer)}))


def narrow_branch_input(contracts: Contracts, random: Random) -> Broken:
    name, field, key = random.choice(
        [
            ("pad_track", "s3_key", "/tasks/2/inputParameters/tracks"),
            ("pad_track", "bucket_name", "/tasks/2/inputParameters/bucket_name"),
            ("pad_track", "track_index", "/tasks/2/inputParameters"),
            ("transcribe_track", "audio_url", "/tasks/7/inputParameters/padded_tracks"),
            ("transcribe_track", "language", "/tasks/7/inputParameters/language"),
        ]
    )
    schema = random.choice([{"type": "boolean"}, {"enum": [70, "z"]}, {"type": "null"}])
    broken = with_property(contracts, name, "input", field, schema)
    return Broken(f"{name} takes {field} as {schema}", broken, frozenset({(WORKFLOW, key)}))


def run_source_later(contracts: Contracts, random: Random) -> Broken:
    def change(workflow: Raw) -> list[str]:
        tasks = workflow["tasks"]
        moved = random.choice(
            ["get_recording", "generate_padding_tasks", "mixdown_tracks", "merge_transcripts",
             "detect_topics", "generate_transcription_tasks"]
        )  # fmt: skip
        task = next(task for task in tasks if task["taskReferenceName"] == moved)
        tasks.remove(task)
        tasks.append(task)
        return [use.pointer for use in uses_of(workflow) if use.parts[0] == moved]

    return _broken_workflow(contracts, "a task runs after one that needs it", change)


def refer_across_branches(contracts: Contracts, random: Random) -> Broken:
    def change(workflow: Raw) -> str:
        fork = next(task for task in workflow["tasks"] if task["type"] == "FORK_JOIN")
        place = f"/tasks/{workflow['tasks'].index(fork)}/forkTasks"
        number = random.choice([0, 1])
        other = ["generate_summary.output.summary", "generate_title.output.title"][number]
        fork["forkTasks"][number][0]["inputParameters"]["topics"] = f"${{{other}}}"
        return f"{place}/{number}/0/inputParameters/topics"

    return _broken_workflow(contracts, "a reference into a parallel branch", change)


def change_task_type(contracts: Contracts, random: Random) -> Broken:
    def change(workflow: Raw) -> str:
        index = random.choice([2, 7])
        workflow["tasks"][index]["inputParameters"]["task_type"] = random.choice(WORDS)
        return f"/tasks/{index}/inputParameters/task_type"

    return _broken_workflow(contracts, "an unknown task_type", change)


def shrink_enum(contracts: Contracts, random: Random) -> Broken:
    index, left = random.choice([(2, "transcribe_track"), (7, "pad_track")])
    helper = "generate_dynamic_fork_tasks"
    broken = with_property(contracts, helper, "input", "task_type", {"enum": [left]})
    place = f"/tasks/{index}/inputParameters/task_type"
    return Broken("the helper supports one task type only", broken, frozenset({(WORKFLOW, place)}))


def use_unknown_task(contracts: Contracts, random: Random) -> Broken:
    def change(workflow: Raw) -> str:
        place, task = random.choice(_simple(workflow))
        task["name"] = random.choice([*WORDS, f"{task['name']}s"])
        return f"{place}/name"

    return _broken_workflow(contracts, "a task without a contract", change)


def repeat_reference_name(contracts: Contracts, random: Random) -> Broken:
    def change(workflow: Raw) -> str:
        tasks = list(tasks_of(workflow))
        one, two = sorted(random.sample(range(len(tasks)), 2))
        tasks[two][1]["taskReferenceName"] = tasks[one][1]["taskReferenceName"]
        return f"{tasks[two][0]}/taskReferenceName"

    return _broken_workflow(contracts, "a reference name twice", change)


def change_limit(contracts: Contracts, random: Random) -> Broken:
    name = random.choice(sorted(contracts.tasks))
    column = random.choice(["timeoutSeconds", "responseTimeoutSeconds", "retryCount"])
    definition = dict(contracts.tasks[name].definition)
    definition[column] += random.choice([-2, -1, 1, 5000])
    broken = with_task(contracts, name, definition=definition)
    place = (f"tasks/{name}.yaml", f"/definition/{column}")
    return Broken(f"{name} has another {column}", broken, frozenset({place}))


def lower_workflow_timeout(contracts: Contracts, random: Random) -> Broken:
    def change(workflow: Raw) -> str:
        workflow["timeoutSeconds"] = random.randint(-1, 19_000)
        return "/timeoutSeconds"

    return _broken_workflow(contracts, "the workflow times out early", change)


def remove_join(contracts: Contracts, random: Random) -> Broken:
    def change(workflow: Raw) -> str:
        tasks = workflow["tasks"]
        joins = [index for index, task in enumerate(tasks) if task["type"] == "JOIN"]
        index = random.choice(joins)
        del tasks[index]
        return f"/tasks/{index - 1}"

    return _broken_workflow(contracts, "a fork without a JOIN", change)


def shorten_join(contracts: Contracts, random: Random) -> Broken:
    def change(workflow: Raw) -> str:
        index = next(i for i, task in enumerate(workflow["tasks"]) if task.get("joinOn"))
        named = workflow["tasks"][index]["joinOn"]
        named.remove(random.choice(named))
        return f"/tasks/{index}/joinOn"

    return _broken_workflow(contracts, "a JOIN that does not wait for a branch", change)


def rename_dynamic_parameter(contracts: Contracts, random: Random) -> Broken:
    def change(workflow: Raw) -> str:
        index = random.choice([3, 8])
        key = random.choice(["dynamicForkTasksParam", "dynamicForkTasksInputParamName"])
        workflow["tasks"][index][key] += "s"
        return f"/tasks/{index}/{key}"

    return _broken_workflow(contracts, "a dynamic fork reads another parameter", change)


def use_unknown_kind(contracts: Contracts, random: Random) -> Broken:
    def change(workflow: Raw) -> str:
        place, task = random.choice(list(tasks_of(workflow)))
        task["type"] = random.choice(["SIMPEL", "simple", "HTTPS", ""])
        return f"{place}/type"

    return _broken_workflow(contracts, "a type that Conductor does not know", change)


def undeclare_workflow_input(contracts: Contracts, random: Random) -> Broken:
    workflow = deepcopy(dict(contracts.workflow))
    name = random.choice(workflow["inputParameters"])
    workflow["inputParameters"].remove(name)
    place = ("workflow_input.yaml", f"/properties/{name}")
    broken = replace(contracts, workflow=workflow)
    return Broken(f"{name} is not declared", broken, frozenset({place}))


def damage_header(contracts: Contracts, random: Random) -> Broken:
    def change(workflow: Raw) -> str:
        key = random.choice(["name", "version", "ownerEmail", "schemaVersion"])
        if random.random() < 0.5:
            del workflow[key]
        else:
            workflow[key] = random.choice([0, None, ""])
        return f"/{key}"

    return _broken_workflow(contracts, "the workflow's header is damaged", change)


def repeat_clause(contracts: Contracts, random: Random) -> Broken:
    name = random.choice(sorted(contracts.tasks))
    clauses = contracts.tasks[name].clauses
    broken = with_task(contracts, name, clauses=(*clauses, random.choice(clauses)))
    place = (f"tasks/{name}.yaml", f"/clauses/{len(clauses)}/id")
    return Broken(f"{name} has a clause twice", broken, frozenset({place}))


MUTATIONS: dict[str, Mutation] = {
    mutation.__name__: mutation
    for mutation in (
        misspell_source, misspell_field, drop_required_input, add_unknown_input, swap_output_type,
        rename_output, make_output_optional, narrow_input, narrow_branch_input, run_source_later,
        refer_across_branches, change_task_type, shrink_enum, use_unknown_task,
        repeat_reference_name, change_limit, lower_workflow_timeout, remove_join, shorten_join,
        rename_dynamic_parameter, use_unknown_kind, undeclare_workflow_input, damage_header,
        repeat_clause,
    )
}  # fmt: skip


def shuffle_keys(contracts: Contracts, random: Random) -> Contracts:
    random = Random(random.getrandbits(64))  # Hypothesis' own is slow for this many keys
    tasks = {
        name: replace(
            task, input=_shuffled(task.input, random), output=_shuffled(task.output, random)
        )
        for name, task in _shuffled_items(dict(contracts.tasks), random)
    }
    return replace(contracts, tasks=tasks, workflow=_shuffled(contracts.workflow, random))


def change_descriptions(contracts: Contracts, random: Random) -> Contracts:
    name = random.choice(sorted(contracts.tasks))
    field = random.choice(sorted(contracts.tasks[name].input["properties"]))
    schema = deepcopy(contracts.tasks[name].input["properties"][field])
    described = {**schema, "description": random.choice(WORDS), "title": "T"}
    changed = with_property(contracts, name, "input", field, described)
    return with_workflow(changed, lambda workflow: workflow.update(description="Another text."))


def add_optional_input(contracts: Contracts, random: Random) -> Contracts:
    name = random.choice(sorted(contracts.tasks))
    schema = random.choice([{"type": "integer", "default": 3}, {"type": ["string", "null"]}])
    return with_property(contracts, name, "input", random.choice(WORDS), schema)


def add_output(contracts: Contracts, random: Random) -> Contracts:
    name = random.choice(sorted(contracts.tasks))
    return with_property(contracts, name, "output", random.choice(WORDS), {"type": "string"})


def raise_workflow_timeout(contracts: Contracts, random: Random) -> Contracts:
    limit = random.randint(28_800, 10**6)
    return with_workflow(contracts, lambda workflow: workflow.update(timeoutSeconds=limit))


def swap_parallel_branches(contracts: Contracts, random: Random) -> Contracts:
    def change(workflow: Raw) -> None:
        for task in workflow["tasks"]:
            random.shuffle(task.get("forkTasks", []))
            random.shuffle(task.get("joinOn", []))

    return with_workflow(contracts, change)


HARMLESS: dict[str, Change] = {
    change.__name__: change
    for change in (
        shuffle_keys, change_descriptions, add_optional_input, add_output,
        raise_workflow_timeout, swap_parallel_branches,
    )
}  # fmt: skip


def _shuffled(node: Any, random: Random) -> Any:
    if isinstance(node, list):
        return [_shuffled(item, random) for item in node]
    if not isinstance(node, dict):
        return json.loads(json.dumps(node))
    return {key: _shuffled(value, random) for key, value in _shuffled_items(node, random)}


def _shuffled_items(node: dict[str, Any], random: Random) -> list[tuple[str, Any]]:
    items = list(node.items())
    random.shuffle(items)
    return items
