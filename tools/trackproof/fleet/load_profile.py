"""Load a fleet profile from its TOML file and validate it."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from trackproof.contracts.load import load_contracts
from trackproof.errors import UsageError
from trackproof.fleet import variables
from trackproof.fleet.contract_names import Problem, nearest, unknown_names
from trackproof.fleet.needs import (
    POSTGRES_VARIABLES,
    needed_database,
    profile_variables,
    trigger_templates,
)
from trackproof.fleet.profile import (
    Container,
    Deviation,
    EventTerms,
    FieldTerms,
    FleetProfile,
    Limits,
    Overlay,
    Ports,
    TaskTerms,
    TriggerTerms,
    WorkflowTerms,
)
from trackproof.testbed.database import STARTED, check_choice

SHIPPED = Path(__file__).parent
"""Folder of the profiles that load by name."""

HINT = "`trackproof fleet new` writes a profile with a comment on every key"

UNKNOWN = "unexpected_keyword_argument"

_PROFILE = TypeAdapter(FleetProfile)

_PARTS: tuple[tuple[str, type], ...] = (
    (r"", FleetProfile),
    (r"container", Container),
    (r"ports", Ports),
    (r"limits", Limits),
    (r"overlay", Overlay),
    (r"trigger", TriggerTerms),
    (r"workflow", WorkflowTerms),
    (r"deviations\.\d+", Deviation),
    (r"tasks\.[^.]+", TaskTerms),
    (r"events\.[^.]+", EventTerms),
    (r"(fields|transcript|.*\.(input|output|data))\..+", FieldTerms),
)
"""Dataclasses by the dotted path of their table, which define the valid keys."""


def load_profile(source: str | Path) -> FleetProfile:
    """Load a profile by the path of its file, or a shipped one by its name.

    Raises:
        UsageError: The file is missing or no TOML, or a key is invalid.
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
            hint="give a TOML file (`trackproof fleet new FILE` writes one that explains "
            f"every key), or one of: {shipped}",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: invalid TOML", evidence=str(error)) from error
    profile = _profile(path, data)
    problems = [
        *_check_alternatives(profile),
        *_check_database(profile),
        *_check_templates(profile),
        *unknown_names(profile),
    ]
    if problems:
        what, hint = problems[0]
        raise UsageError(
            f"{path}: {what}", evidence="\n".join(one for one, _ in problems[1:]), hint=hint
        )
    if load_contracts().tasks.keys() <= set(profile.serves):
        return replace(profile, serves=())  # it serves all
    return profile


def _profile(path: Path, data: dict[str, Any]) -> FleetProfile:
    values = _with_commands(data)
    if isinstance(trigger := values.get("trigger"), dict):
        values["trigger"] = _with_commands(trigger)
    if isinstance(folder := values.get("directory"), str):
        values["directory"] = path.parent / folder
    container = values.get("container")
    if isinstance(container, dict) and isinstance(mounts := container.get("mounts"), dict):
        absolute = {
            target: str((path.parent / str(folder)).resolve()) for target, folder in mounts.items()
        }
        values["container"] = {**container, "mounts": absolute}
    try:
        return _PROFILE.validate_python(values)
    except ValidationError as error:
        # A misspelt key is also reported as missing.
        first = min(error.errors(), key=lambda one: one["type"] != UNKNOWN)
        key = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{path}: {key}: {_expected(first['type'], first['msg'])}",
            evidence="\n".join(
                f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()
            ),
            hint=_hint(first["type"], first["loc"]),
        ) from error


def _with_commands(table: dict[str, Any]) -> dict[str, Any]:
    """Return a table with the laboratory's Python in its commands."""
    return {
        key: [_with_python(word) for word in value]
        if key.endswith("command") and isinstance(value, list)
        else value
        for key, value in table.items()
    }


def _with_python(word: Any) -> Any:
    # No other variable: a command may contain braces of its own.
    return word.replace("{python}", sys.executable) if isinstance(word, str) else word


def _expected(kind: str, message: str) -> str:
    match kind:
        case "missing" | "missing_argument":
            return "this key is required"
        case "extra_forbidden" | "unexpected_keyword_argument":
            return "unknown key"
        case _:
            return message[:1].lower() + message[1:]


def _hint(kind: str, location: tuple[int | str, ...]) -> str:
    where, key = ".".join(map(str, location[:-1])), str(location[-1])
    if where == "" and key == "tasks":
        return "[tasks.<task>] has terms; a fleet that serves a part says serves = […]"
    if kind != UNKNOWN:
        return HINT
    part = next((kind for pattern, kind in _PARTS if re.fullmatch(pattern, where)), FleetProfile)
    known = [field.name for field in fields(part)]
    if near := nearest(key, known):
        return f"did you mean {near!r}?"
    if where and (near := nearest(key, [field.name for field in fields(FleetProfile)])):
        return f"{near!r} is a key of the whole profile: move it above the first [table]"
    return f"known keys: {', '.join(known)}"


def _check_alternatives(profile: FleetProfile) -> Iterator[Problem]:
    """Yield keys that exclude each other, or of which one is required."""
    started = [bool(profile.command), profile.container is not None, profile.attach]
    if not any(started):
        yield (
            f"fleet {profile.name!r} has nothing to start",
            "add a command or a [container], or attach = true if it runs already",
        )
    for keys, values in (
        ("command, [container] and attach", started),
        ("transcript_sql and transcript_url", [profile.transcript_sql, profile.transcript_url]),
        (
            "events_sql, events_redis and events_websocket",
            [profile.events_sql, profile.events_redis, profile.events_websocket],
        ),
        ("seed_command and seed_sql", [profile.seed_command, profile.seed_sql]),
    ):
        if sum(map(bool, values)) > 1:
            yield f"{keys} exclude each other", "remove all but one"
    if profile.migrate_command and profile.attach:
        yield (
            "migrate_command has no effect with attach, as the fleet runs already",
            "remove one of them",
        )
    if profile.register_command and profile.overlay != Overlay():
        yield (
            "[overlay] has no effect with register_command",
            "remove one of them",
        )


def _check_database(profile: FleetProfile) -> Iterator[Problem]:
    """Yield a database that is neither a kind nor a URL, or of a kind that lacks a variable."""
    if profile.database:
        try:
            check_choice(profile.database)
        except UsageError:
            near = nearest(profile.database, STARTED)
            yield (
                f"database: {profile.database!r} is neither a kind of database nor a URL",
                f"did you mean {near!r}?"
                if near
                else "write sqlite, postgres or a URL like "
                "postgresql+psycopg://user:password@host/name",
            )
            return
    used = sorted(POSTGRES_VARIABLES & profile_variables(profile))
    if used and needed_database(profile) == "sqlite":
        yield f'{{{used[0]}}} is empty with database = "sqlite"', 'write database = "postgres"'


def _check_templates(profile: FleetProfile) -> Iterator[Problem]:
    """Yield templates with unknown or missing variables."""
    id_variable = ("transcript_id",)
    for key, text, more in (
        *((f"environment.{name}", text, ()) for name, text in profile.environment.items()),
        *((f"intercept.{name}", text, ()) for name, text in profile.intercept.items()),
        ("transcript_url", profile.transcript_url, id_variable),
        ("events_redis", profile.events_redis, id_variable),
        ("events_websocket", profile.events_websocket, id_variable),
    ):
        if error := variables.template_error(text, *more):
            yield f"{key}: {error}", f"known variables: {variables.variable_list(*more)}"
        elif more and text and "{transcript_id}" not in text:
            yield f"{key}: {{transcript_id}} is missing", "add it, to select one transcript"
    for key, text in trigger_templates(profile.trigger):
        if error := variables.template_error(text, *variables.TRIGGER_VARIABLES):
            known = variables.variable_list(*variables.TRIGGER_VARIABLES)
            yield f"{key}: {error}", f"known variables: {known}"
