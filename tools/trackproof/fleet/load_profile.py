"""Read a profile from its file, and say exactly what is wrong with it."""

from __future__ import annotations

import difflib
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from trackproof.contracts.load import load_contracts
from trackproof.errors import UsageError
from trackproof.fleet import variables
from trackproof.fleet.profile import (
    Container,
    Deviation,
    EventTerms,
    FieldTerms,
    FleetProfile,
    Overlay,
    Ports,
    TaskTerms,
    WorkflowTerms,
)
from trackproof.fleet.translation.translator import steps_in

SHIPPED = Path(__file__).parent
"""Profiles that are known by their name alone."""

HINT = "`trackproof fleet new` writes a profile with every key explained"

UNKNOWN = "unexpected_keyword_argument"

_PROFILE = TypeAdapter(FleetProfile)

_PARTS: tuple[tuple[str, type], ...] = (
    (r"", FleetProfile),
    (r"container", Container),
    (r"ports", Ports),
    (r"overlay", Overlay),
    (r"workflow", WorkflowTerms),
    (r"deviations\.\d+", Deviation),
    (r"tasks\.[^.]+", TaskTerms),
    (r"events\.[^.]+", EventTerms),
    (r"(fields|transcript|.*\.(input|output|data))\..+", FieldTerms),
)
"""Which keys there are where."""


def load_profile(source: str | Path) -> FleetProfile:
    """Read a profile from a file, or one that comes with the laboratory by its name.

    Raises:
        UsageError: There is no such file, it is no TOML, or a key is not as it must be.
    """
    path = SHIPPED / f"{source}.toml"
    if not path.exists():
        path = Path(source)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        shipped = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.toml")))
        raise UsageError(
            f"the fleet's profile {str(source)!r} cannot be read",
            evidence=str(error),
            hint=f"give a TOML file (see docs/fleets.md), or one of: {shipped}",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: no TOML", evidence=str(error)) from error
    profile = _profile(path, data)
    complaints = [*_ways(profile), *_templates(profile), *_names(profile)]
    if complaints:
        what, hint = complaints[0]
        raise UsageError(
            f"{path}: {what}", evidence="\n".join(one for one, _ in complaints[1:]), hint=hint
        )
    return profile


def _profile(path: Path, data: dict[str, Any]) -> FleetProfile:
    filled = {
        key: [_filled(word) for word in value]
        if key.endswith("command") and isinstance(value, list)
        else value
        for key, value in data.items()
    }
    if isinstance(folder := filled.get("directory"), str):
        filled["directory"] = path.parent / folder
    container = filled.get("container")
    if isinstance(container, dict) and isinstance(mounts := container.get("mounts"), dict):
        here = {place: str((path.parent / str(one)).resolve()) for place, one in mounts.items()}
        filled["container"] = {**container, "mounts": here}
    try:
        return _PROFILE.validate_python(filled)
    except ValidationError as error:
        # A key that is only misspelt is missing too.
        first = min(error.errors(), key=lambda one: one["type"] != UNKNOWN)
        key = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{path}: {key}: {_expected(first['type'], first['msg'])}",
            evidence="\n".join(
                f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()
            ),
            hint=_hint(first["type"], first["loc"]),
        ) from error


def _filled(word: Any) -> Any:
    # Only this one name: a command may hold braces of its own.
    return word.replace("{python}", sys.executable) if isinstance(word, str) else word


def _expected(kind: str, message: str) -> str:
    match kind:
        case "missing" | "missing_argument":
            return "this key is needed and not there"
        case "extra_forbidden" | "unexpected_keyword_argument":
            return "there is no such key"
        case _:
            return message[:1].lower() + message[1:]


def _hint(kind: str, place: tuple[int | str, ...]) -> str:
    if kind != UNKNOWN:
        return HINT
    where = ".".join(map(str, place[:-1]))
    part = next((kind for pattern, kind in _PARTS if re.fullmatch(pattern, where)), FleetProfile)
    known = [field.name for field in fields(part)]
    near = _nearest(str(place[-1]), known)
    return f"did you mean {near!r}?" if near else f"known here: {', '.join(known)}"


def _nearest(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, list(known), n=1)
    return found[0] if found else ""


Complaint = tuple[str, str]
"""What is wrong, and what to do."""


def _ways(profile: FleetProfile) -> Iterator[Complaint]:
    """Find what there must be exactly, or at most, one of."""
    started = [bool(profile.command), profile.container is not None, profile.attach]
    if not any(started):
        yield (
            f"fleet {profile.name!r} starts nothing",
            "give it a command or a [container], or say attach = true if it runs already",
        )
    for what, ways in (
        ("command, [container] and attach", started),
        ("transcript_sql and transcript_url", [profile.transcript_sql, profile.transcript_url]),
        (
            "events_sql, events_redis and events_websocket",
            [profile.events_sql, profile.events_redis, profile.events_websocket],
        ),
        ("seed_command and seed_sql", [profile.seed_command, profile.seed_sql]),
    ):
        if sum(map(bool, ways)) > 1:
            yield f"of {what}, there can only be one", "take the others out"
    if profile.register_command and profile.overlay != Overlay():
        yield (
            "an [overlay] changes what we register, and register_command does that here",
            "take one of them out",
        )


def _templates(profile: FleetProfile) -> Iterator[Complaint]:
    """Find templates that name what there is not."""
    also = ("transcript_id",)
    for key, text, more in (
        *((f"environment.{name}", text, ()) for name, text in profile.environment.items()),
        *((f"intercept.{name}", text, ()) for name, text in profile.intercept.items()),
        ("transcript_url", profile.transcript_url, also),
        ("events_redis", profile.events_redis, also),
        ("events_websocket", profile.events_websocket, also),
    ):
        if wrong := variables.template_error(text, *more):
            yield f"{key}: {wrong}", f"places are: {variables.variable_list(*more)}"
        elif more and text and "{transcript_id}" not in text:
            yield f"{key}: {{transcript_id}} is not in it", "say whose events or row are meant"


def _names(profile: FleetProfile) -> Iterator[Complaint]:
    """Find names of what the contracts do not know."""
    overlay = profile.overlay
    if (
        not any((profile.tasks, overlay.tasks, overlay.steps, profile.events, profile.deviations))
        and not profile.keys
    ):
        return  # reading the contracts takes a moment
    contracts = load_contracts()
    references = {task["taskReferenceName"] for task in steps_in(contracts.workflow)}
    clauses = {clause.id for clause in contracts.clauses}
    for where, named, known in (
        ("tasks", profile.tasks, contracts.tasks),
        ("overlay.tasks", profile.overlay.tasks, contracts.tasks),
        ("overlay.steps", profile.overlay.steps, references),
        ("events", profile.events, contracts.events),
        ("deviations", [one.clause for one in profile.deviations], clauses),
        ("keys", profile.keys, key_templates()),
    ):
        for name in named:
            if name not in known:
                near = _nearest(name, known)
                yield (
                    f"{where}: the contracts know no {name!r}",
                    f"did you mean {near!r}?" if near else f"they know: {_some(known)}",
                )


def key_templates() -> tuple[str, ...]:
    """Return every S3 key that a contract names, as a template."""
    found = {
        entry["key"]: None
        for task in load_contracts().tasks.values()
        for entry in task.effects.get("s3", ())
        if re.sub(r"\{\w+\}", "", entry["key"])  # not a key of whoever recorded
    }
    return tuple(found)


def _some(known: Iterable[str]) -> str:
    names = sorted(known)
    return ", ".join(names[:40]) + (" …" if len(names) > 40 else "")
