"""What a fleet's profile says: how it is started and where its results can be seen.

A profile is one TOML file; docs/fleets.md explains its keys. Nothing else of a fleet is known to
the laboratory.
"""

from __future__ import annotations

import difflib
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from tools.errors import UsageError

SHIPPED = Path(__file__).parent
"""Profiles that are known by their name alone."""

Text = Annotated[str, Field(min_length=1)]
Command = tuple[Text, ...]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Deviation:
    """A breach that both sides know of and live with for a while."""

    clause: Text
    reason: Text
    until: date
    """The last day on which it is accepted."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FleetProfile:
    """How a fleet is started and where its results can be seen."""

    name: Text
    transcript_sql: Text
    """One row; `:transcript_id` stands for the transcript's id."""
    events_sql: Text
    """Columns `event` and `data` (JSON), oldest first; with `:transcript_id`."""
    recording_sql: str = ""
    """Column `id` of each recording that a run belongs to, with `:workflow_id`; if it is kept."""
    command: Command = ()
    """Starts the fleet; none for one that runs already."""
    directory: Path | None = None
    """Where commands run; the testbed's own folder by default. Relative to the profile."""
    environment: Mapping[str, str] = Field(default_factory=dict)
    """Values may name parts of the testbed: `{s3.endpoint}`."""
    register_command: Command = ()
    """Registers definitions; without one the laboratory registers the contracts' own."""
    seed_command: Command = ()
    """Reads a meeting's rows as JSON on standard input and writes their ids as JSON."""
    seed_lines: bool = False
    """The seed command stays: it reads a meeting a line and answers each with a line."""
    ready_seconds: Annotated[float, Field(gt=0)] = 60.0
    """How long it may take until every task type is polled."""
    time_tolerance_ms: Annotated[float, Field(ge=0)] = 20.0
    """How far a word may be from the truth."""
    deviations: tuple[Deviation, ...] = ()


_PROFILE = TypeAdapter(FleetProfile)


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
    return _profile(path, data)


def _profile(path: Path, data: dict[str, Any]) -> FleetProfile:
    filled = {
        key: [_filled(word) for word in value]
        if key.endswith("command") and isinstance(value, list)
        else value
        for key, value in data.items()
    }
    if isinstance(folder := filled.get("directory"), str):
        filled["directory"] = path.parent / folder
    try:
        return _PROFILE.validate_python(filled)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{path}: {key}: {_expected(first['type'], first['msg'])}",
            evidence="\n".join(
                f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()
            ),
            hint=_hint(first["type"], key),
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


def _hint(kind: str, key: str) -> str:
    known = [field.name for field in fields(FleetProfile)]
    if kind == "unexpected_keyword_argument" and (near := difflib.get_close_matches(key, known)):
        return f"did you mean {near[0]!r}?"
    return "`trackproof fleet new` writes a profile with every key explained"
