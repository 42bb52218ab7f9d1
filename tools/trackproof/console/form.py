"""The form of a scenario: every value of its file, changed before the run starts."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from trackproof.errors import UsageError
from trackproof.scenarios import ScenarioFile
from trackproof.scenarios.scenario_file import from_values

MAX_FIELDS: Final = 60


def read_form(body: bytes) -> dict[str, str]:
    """Return the fields of an urlencoded form.

    Raises:
        UsageError: It is none.
    """
    try:
        text = body.decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError as error:
        raise UsageError("the request is no form", evidence=str(error)) from error


def scenario_from(form: Mapping[str, str], base: ScenarioFile) -> ScenarioFile:
    """Return a scenario with the values of a form.

    Raises:
        UsageError: A value is not valid.
    """
    values = base.model_dump(exclude_unset=True)
    rest = _toml(form.get("rest", ""))
    for key in ("faults", "expect"):
        values.pop(key, None)
    meeting = {**values.get("meeting", {})}
    meeting.pop("audio", None)
    meeting |= rest.pop("meeting", {})
    for name, kind in (("tracks", int), ("seconds", float), ("seed", int)):
        if name in form:
            meeting[name] = _number(name, form[name], kind)
    if "denied" in form:
        numbers = form["denied"].replace(",", " ").split()
        meeting["denied"] = [_number("denied", one, int) for one in numbers]
    if "names" in form:
        meeting["names"] = [one.strip() for one in form["names"].splitlines() if one.strip()]
    if "join_every" in form:
        every = form["join_every"].strip()
        meeting["join_every"] = _number("join_every", every, float) if every else None
    conductor = {**values.get("conductor", {})}
    if "version" in form:
        conductor["version"] = form["version"].strip() or None
    if "response_seconds" in form:
        limit = form["response_seconds"].strip()
        conductor["response_seconds"] = _number("response_seconds", limit, int) if limit else None
    if "tracks" in form:  # an unticked box is not sent
        conductor["durable"] = "durable" in form
    if "fleet" in form:
        values["fleet"] = form["fleet"].strip() or None
    values |= {"meeting": meeting, "conductor": conductor, **rest}
    return from_values(values, "in the form")


def rest_as_toml(scenario: ScenarioFile) -> str:
    """Return the part of a scenario that the form shows as TOML: audio, faults, expectations."""
    values = scenario.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    meeting = values.get("meeting", {})
    lines = []
    if meeting.get("audio"):
        lines += ["[meeting]", f"audio = {toml_value(meeting['audio'])}", ""]
    for fault in values.get("faults", ()):
        lines += ["[[faults]]", *(f"{key} = {toml_value(one)}" for key, one in fault.items()), ""]
    if expect := values.get("expect"):
        lines += ["[expect]", *(f"{key} = {toml_value(one)}" for key, one in expect.items()), ""]
    return "\n".join(lines).strip() + "\n"


def toml_value(value: Any) -> str:
    """Return a value in TOML."""
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(str(key))} = {toml_value(one)}" for key, one in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


def _toml(text: str) -> dict[str, Any]:
    try:
        values = tomllib.loads(text.replace("\r\n", "\n"))
    except ValueError as error:
        raise UsageError(
            "audio, faults and expectations are no TOML", evidence=str(error)
        ) from error
    allowed = {"meeting", "faults", "expect"}
    if unknown := sorted(set(values) - allowed):
        raise UsageError(
            f"unknown tables: {', '.join(unknown)}; known: {', '.join(sorted(allowed))}"
        )
    if not isinstance(values.get("meeting", {}), dict):
        raise UsageError("meeting is a table")
    return values


def _number(name: str, text: str, kind: type[int] | type[float]) -> int | float:
    try:
        return kind(text.strip())
    except ValueError:
        raise UsageError(f"{name}: {text!r} is no number") from None
