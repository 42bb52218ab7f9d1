"""Names in a profile that the contracts do not have."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from trackproof.contracts.load import Contracts, field_names, load_contracts
from trackproof.fleet.profile import Fields, FleetProfile, WorkflowTerms
from trackproof.fleet.translation.translator import steps_in

ROW = "transcript"
"""First part of a name in `output_from` that is read from the transcript's row."""

Problem = tuple[str, str]
"""Message and hint."""


def unknown_names(profile: FleetProfile) -> Iterator[Problem]:
    """Yield a problem for each name that the contracts do not have."""
    overlay, workflow, limits = profile.overlay, profile.workflow, profile.limits
    used = (
        *(profile.tasks, profile.events, profile.deviations, profile.keys, profile.serves),
        *(overlay.tasks, overlay.steps, limits.tasks),
    )
    if not any(used) and workflow == WorkflowTerms():
        return  # loading the contracts is slow
    contracts = load_contracts()
    references = _references(contracts)
    clauses = {clause.id for clause in contracts.clauses}
    outputs = contracts.workflow["outputParameters"]
    for table, names, known in (
        ("tasks", profile.tasks, contracts.tasks),
        ("serves", profile.serves, contracts.tasks),
        ("limits.tasks", limits.tasks, contracts.tasks),
        ("overlay.tasks", overlay.tasks, contracts.tasks),
        ("overlay.steps", overlay.steps, references),
        ("events", profile.events, contracts.events),
        ("deviations", [one.clause for one in profile.deviations], clauses),
        ("keys", profile.keys, key_templates()),
        ("workflow.steps", filter(_is_fixed, workflow.steps), references),
        ("workflow.input", _first_parts(workflow.input), contracts.workflow["inputParameters"]),
        ("workflow.output", _first_parts(workflow.output), outputs),
        ("workflow.output_from", workflow.output_from, outputs),
        *_fields(profile, contracts),
    ):
        for name in names:
            if name not in known:
                yield _problem(table, name, known)
    for field, source in workflow.output_from.items():
        step, _, name = source.partition(".")
        if not name:
            yield (
                f"workflow.output_from.{field}: {source!r} names no field",
                f"write {ROW}.<column> or <step>.<output field>",
            )
        elif step not in {ROW, *references}:
            yield _problem(f"workflow.output_from.{field}", step, {ROW, *references})


def _problem(table: str, name: str, known: Iterable[str]) -> Problem:
    near = nearest(name, known)
    return (
        f"{table}: the contracts have no {name!r}",
        f"did you mean {near!r}?" if near else f"they have: {_some(known)}",
    )


def _fields(
    profile: FleetProfile, contracts: Contracts
) -> Iterator[tuple[str, Iterable[str], Iterable[str]]]:
    """Yield table, names and known names of the terms of each task and event."""
    for task, terms in profile.tasks.items():
        if contract := contracts.tasks.get(task):
            for side, fields, schema in (
                ("input", terms.input, contract.input),
                ("output", terms.output, contract.output),
            ):
                names = list(_first_parts(fields))
                if names and (known := _known_fields(schema)):
                    yield f"tasks.{task}.{side}", names, known
    for event, about in profile.events.items():
        names = list(_first_parts(about.data))
        if (
            names
            and event in contracts.events
            and (known := _known_fields(contracts.events[event]))
        ):
            yield f"events.{event}.data", names, known


def _known_fields(schema: Any) -> list[str]:
    """Return an object schema's fields; empty if it does not list them."""
    try:
        return field_names(schema)
    except LookupError:
        return []


def _first_parts(fields: Fields) -> Iterator[str]:
    """Yield the top-level fields of paths, without `*` and items of a list."""
    for path in fields:
        if name := re.split(r"\.|\[\]", path)[0].replace("*", ""):
            yield name


def _is_fixed(step: str) -> bool:
    """Return whether a step is neither a template nor a branch of a dynamic fork."""
    return not re.search(r"\{\w+\}|_\d+$", step)


def _references(contracts: Contracts) -> set[str]:
    return {step["taskReferenceName"] for step in steps_in(contracts.workflow)}


@cache
def key_templates() -> tuple[str, ...]:
    """Return the templates of all S3 keys in the contracts."""
    templates = {
        entry["key"]: None
        for task in load_contracts().tasks.values()
        for entry in task.effects.get("s3", ())
        if re.sub(r"\{\w+\}", "", entry["key"])  # not the recorder's own key
    }
    return tuple(templates)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most similar, whatever its case and separators; or empty."""
    by_plain = {_plain(one): one for one in known}
    matches = difflib.get_close_matches(_plain(name), by_plain, n=1)
    return by_plain[matches[0]] if matches else ""


def _plain(name: str) -> str:
    return re.sub(r"[_\s-]", "", name).lower()


def _some(known: Iterable[str]) -> str:
    names = sorted(known)
    return ", ".join(names[:40]) + (" …" if len(names) > 40 else "")
