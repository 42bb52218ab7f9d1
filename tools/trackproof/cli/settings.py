"""Options of `verify` from a file and from variables.

An option on the command line comes before its variable `TRACKPROOF_…`, a variable before
`trackproof.toml` or the table `[tool.trackproof]` of `pyproject.toml`.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from trackproof.errors import UsageError

PREFIX: Final = "TRACKPROOF_"
OTHER_VARIABLES: Final = (
    *("TRACKPROOF_CACHE_DIR", "TRACKPROOF_DATABASE", "TRACKPROOF_JAVA_OPTIONS"),
    "TRACKPROOF_STATE_DIR",
)
"""Variables that are read where they are used."""

OPTIONS: Final[Mapping[str, type]] = {
    "fleet": str,
    "only": str,
    "conductor": str,
    "conductor-version": str,
    "database": str,
    "time-scale": float,
    "failures": Path,
    "floor": float,
    "shard": str,
    "exit-first": bool,
    "last-failed": bool,
    "keep": bool,
    "quiet": bool,
    "verbose": bool,
    "json": Path,
    "junit": Path,
    "ndjson": Path,
    "html": Path,
}
"""The options of `verify`, by their long names without dashes, and their types."""

RANGES: Final = {"time-scale": (0.0001, 1.0), "floor": (0.0, 100.0)}
TRUE: Final = frozenset({"1", "true", "yes", "on"})
FALSE: Final = frozenset({"0", "false", "no", "off"})

SHARED: Final[Mapping[str, tuple[str, ...]]] = {
    "run": ("fleet", "conductor", "conductor-version", "database"),
    "rehearse": ("fleet", "conductor", "conductor-version", "database"),
    "serve": ("conductor", "conductor-version", "database"),
    "up": ("fleet", "conductor", "conductor-version", "database"),
    "replay": ("conductor", "failures"),
    "fleet check": ("conductor", "conductor-version", "database"),
    "register": ("conductor",),
    "explain": ("conductor",),
}
"""Options that other verbs take as well."""

URL_ONLY: Final = frozenset({"register", "explain"})
"""Verbs whose option `conductor` is always a URL."""


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """The table of a file."""

    path: Path | None = None
    table: Mapping[str, Any] = field(default_factory=dict)


def defaults(folder: Path) -> dict[str, Any]:
    """Return the defaults of each verb's parameters, as Click's `default_map` takes them.

    Args:
        folder: Where the file is looked for, then in the folders above.

    Raises:
        UsageError: The file is not TOML, or a key, a variable or a value is not valid.
    """
    found = options_from(find_file(folder), os.environ)
    result: dict[str, Any] = {"verify": _parameters(found, OPTIONS)}
    for verb, keys in SHARED.items():
        shared = _parameters(found, keys)
        if verb in URL_ONLY and "://" not in shared.get("conductor", ""):
            shared.pop("conductor", None)
        group, _, name = verb.partition(" ")
        result[group] = {name: shared} if name else shared
    return result


def options_from(file: SettingsFile, variables: Mapping[str, str]) -> dict[str, Any]:
    """Return the options that a file and variables give, by name; variables come first.

    Raises:
        UsageError: A key, a variable or a value is not valid.
    """
    found = {}
    for key, value in file.table.items():
        if key not in OPTIONS:
            raise UsageError(f"{file.path}: unknown key {key!r}", hint=_nearest(key, OPTIONS))
        beside = file.path.parent if file.path else Path()
        found[key] = _value(key, value, beside, f"{file.path}: {key}")
    known = {variable_of(key): key for key in OPTIONS}
    for name, text in variables.items():
        if name in OTHER_VARIABLES or not text or not name.startswith(PREFIX):
            continue
        if name in known:
            found[known[name]] = _value(known[name], text, Path(), f"the variable {name}")
        elif near := difflib.get_close_matches(name, [*known, *OTHER_VARIABLES], 1, cutoff=0.9):
            raise UsageError(f"unknown variable {name}", hint=f"did you mean {near[0]}?")
    if variables.get("TRACKPROOF_DATABASE"):
        found.pop("database", None)  # read where a database is started
    return found


def variable_of(option: str) -> str:
    """Return the variable of an option."""
    return PREFIX + option.replace("-", "_").upper()


def find_file(folder: Path) -> SettingsFile:
    """Return the nearest table of settings; an empty one if there is none.

    It is in `folder`, or above it up to the root of its repository. Outside a repository, folders
    above may belong to others: a profile in them would run their commands.

    Raises:
        UsageError: A file is no readable TOML.
    """
    for above in _folders(folder):
        path = above / "trackproof.toml"
        if _is_file(path):
            return SettingsFile(path, _toml(path))
        path = above / "pyproject.toml"
        if _is_file(path) and b"trackproof" in _bytes(path):
            tools = _toml(path).get("tool", {})
            table = tools.get("trackproof") if isinstance(tools, dict) else None
            if isinstance(table, dict):
                return SettingsFile(path, table)
            if table is not None:
                raise UsageError(f"{path}: tool.trackproof is not a table")
    return SettingsFile()


def _folders(folder: Path) -> list[Path]:
    """Return `folder` and those above it within its repository, nearest first."""
    folders = [folder, *folder.parents]
    for number, one in enumerate(folders):
        with suppress(OSError):
            if (one / ".git").exists():
                return folders[: number + 1]
    return [folder]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read", evidence=str(error)) from error


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_bytes(path).decode("utf-8-sig"))
    except ValueError as error:
        raise UsageError(f"{path} is not a readable TOML file", evidence=str(error)) from error


def _value(key: str, value: Any, folder: Path, place: str) -> Any:
    """Return a value of the option's type; paths are relative to the file's folder."""
    if key == "only" and isinstance(value, list):
        value = ",".join(map(str, value))
    try:
        converted = _converted(key, value)
    except ValueError as error:
        raise UsageError(f"{place}: {error}") from error
    if isinstance(converted, Path):
        return "-" if str(converted) == "-" else str(folder / converted)
    if key == "fleet" and (folder / converted).is_file():
        return str(folder / converted)
    return converted


def _converted(key: str, value: Any) -> Any:
    """Return a value as the option's type.

    Raises:
        ValueError: It is none.
    """
    kind = OPTIONS[key]
    if kind is bool:
        text = str(value).lower()
        if text not in TRUE | FALSE:
            raise ValueError(f"{value!r} is neither true nor false")
        return text in TRUE
    if kind is float:
        low, high = RANGES[key]
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ValueError(f"{value!r} is no number")
        if not low <= float(value) <= high:
            raise ValueError(f"{value} is not between {low:g} and {high:g}")
        return float(value)
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return kind(value)


def _parameters(found: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """Return options by the names of the verbs' parameters."""
    names = {key: "json_file" if key == "json" else key.replace("-", "_") for key in keys}
    return {names[key]: found[key] for key in keys if key in found}


def _nearest(key: str, known: Iterable[str]) -> str:
    if near := difflib.get_close_matches(key.replace("_", "-"), known, n=1):
        return f"did you mean {near[0]!r}?"
    return f"known keys: {', '.join(known)}"
