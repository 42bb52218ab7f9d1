"""Merges JSON schemas: local references and the parts of `allOf`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

from trackproof.testbed.stand_ins.llm_answers.patterns import UnfillableError

_TIGHTER: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}


def resolved(root: Any, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return `schema` with the target of its `$ref` merged in.

    Raises:
        UnfillableError: The reference is not local or has no target.
    """
    reference: str = schema["$ref"]
    if not reference.startswith("#"):
        raise UnfillableError(f"only local references are supported, not {reference!r}")
    target = root
    for part in reference[1:].split("/")[1:]:
        key = unquote(part).replace("~1", "/").replace("~0", "~")
        try:
            target = target[int(key)] if isinstance(target, list) else target[key]
        except (LookupError, TypeError, ValueError) as error:
            raise UnfillableError(f"reference {reference!r} has no target") from error
    rest = {key: value for key, value in schema.items() if key != "$ref"}
    return {"allOf": [rest, target]} if rest else _as_object(target)


def merged(root: Any, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return one schema for `schema` and all parts of its `allOf`, references included.

    Raises:
        UnfillableError: A reference cannot be resolved.
    """
    result = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema["allOf"]:
        plain = _as_object(part)
        if "$ref" in plain:
            plain = resolved(root, plain)
        if "allOf" in plain:
            plain = merged(root, plain)
        result = _both(result, plain)
    return result


def _both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    result = dict(one)
    for key, value in other.items():
        if key not in result:
            result[key] = value
        elif key == "properties":
            result[key] = {
                name: {"allOf": [p[name] for p in (result[key], value) if name in p]}
                if name in result[key] and name in value
                else {**result[key], **value}[name]
                for name in {**result[key], **value}
            }
        elif key == "required":
            result[key] = list(dict.fromkeys([*result[key], *value]))
        elif key in _TIGHTER:
            result[key] = _TIGHTER[key](result[key], value)
        elif key == "enum":
            result[key] = [option for option in result[key] if option in value]
        elif key == "type":
            result[key] = _common_types(result[key], value)
        else:
            result[key] = value
    return result


def _common_types(one: str | list[str], other: str | list[str]) -> str | list[str]:
    first = [one] if isinstance(one, str) else one
    second = [other] if isinstance(other, str) else other
    common = [kind for kind in first if kind in second]
    if not common and {"integer", "number"} <= {*first, *second}:
        common = ["integer"]
    return common or first


def _as_object(schema: Any) -> dict[str, Any]:
    if schema is True:
        return {}
    if schema is False:
        return {"enum": []}
    return dict(schema)
