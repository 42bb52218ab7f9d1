"""Comparison of two schemas of one payload, field by field.

The verdict depends on the direction of the data. In data to fleets, consumers are the senders: a
narrower schema breaks consumers, whose values may be rejected; a wider one breaks fleets, which
may receive unknown values. In data from fleets it is the reverse. Senders send exactly the
declared fields; readers ignore unknown fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from trackproof.contracts.compat.changes import (
    DESCRIPTIVE_REASON,
    Change,
    Direction,
    Verdict,
    format_optional,
    join_pointer,
    json_equal,
    verdict,
)
from trackproof.contracts.compat.samples import example
from trackproof.contracts.compat.schema_nodes import SchemaNode
from trackproof.contracts.compat.wording import differing_facts
from trackproof.contracts.schemas.descriptions import describe, format_value, kinds_of
from trackproof.contracts.schemas.normal_forms import ANNOTATIONS, for_reader, for_sender
from trackproof.contracts.schemas.subsumption import mismatches

_FIELD_KEYWORDS = {"type", "properties", "required", "additionalProperties"}
_WHOLE_OBJECT = {
    "minProperties", "maxProperties", "patternProperties", "propertyNames", "dependentRequired",
    "dependentSchemas", "unevaluatedProperties", "const", "enum", "oneOf", "not", "if",
}  # fmt: skip


def schema_changes(old: SchemaNode, new: SchemaNode, direction: Direction) -> list[Change]:
    """Return all differences between two schemas with their verdicts."""
    changes = list(dict.fromkeys(_changes(old, new, direction, frozenset())))
    if not changes and not (
        json_equal(old.schema, new.schema) and json_equal(old.whole, new.whole)
    ):
        changes.append(_same_values(new.pointer))
    return changes


def _same_values(pointer: str) -> Change:
    reason = "Both schemas allow the same values."
    return Change(pointer, "the schema is written differently", "compatible", reason)


def _changes(
    old: SchemaNode, new: SchemaNode, direction: Direction, seen: frozenset[tuple[str, str]]
) -> Iterator[Change]:
    old, new = old.resolved, new.resolved
    if (old.pointer, new.pointer) in seen or json_equal(
        [old.schema, old.whole], [new.schema, new.whole]
    ):
        return
    seen |= {(old.pointer, new.pointer)}
    if not isinstance(old.schema, dict) or not isinstance(new.schema, dict):
        yield from _values(old, new, old.whole, new.whole, direction)
        return
    yield from _annotations(old, new, direction)
    parted: set[str] = set()
    if _have_fields(old.schema, new.schema):
        parted |= _FIELD_KEYWORDS - {"type"}
        yield from _fields(old, new, direction, seen)
    for keyword in ("items", "additionalProperties"):
        pair = (old.schema.get(keyword), new.schema.get(keyword))
        if all(isinstance(part, dict) for part in pair) and _stands_alone(keyword, old, new):
            parted.add(keyword)
            yield from _changes(old.below(keyword), new.below(keyword), direction, seen)
    for keyword in ("anyOf", "allOf"):
        pairs = _pairs(old, new, keyword)
        if pairs is not None:
            parted.add(keyword)
            for before, after in pairs:
                yield from _changes(before, after, direction, seen)
    yield from _values(old, new, _rest(old, parted), _rest(new, parted), direction)


def _stands_alone(keyword: str, old: SchemaNode, new: SchemaNode) -> bool:
    """Return whether the items of an array or the values of a map can be compared alone."""
    keywords = old.schema.keys() | new.schema.keys()
    if keyword == "items":
        return "prefixItems" not in keywords
    return not _WHOLE_OBJECT & keywords and _same_names(old.schema, new.schema)


def _have_fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Return whether the fields of two objects can be compared one by one."""
    both_objects = all("object" in kinds_of(schema) for schema in (old, new))
    named = "properties" in old and "properties" in new
    maps = any(isinstance(schema.get("additionalProperties"), dict) for schema in (old, new))
    # In a map, a field without a property must match the schema of the map's values.
    parted = not maps or _same_names(old, new)
    return both_objects and named and parted and not _WHOLE_OBJECT & (old.keys() | new.keys())


def _same_names(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return bool(old.get("properties", {}).keys() == new.get("properties", {}).keys())


def _pairs(
    old: SchemaNode, new: SchemaNode, keyword: str
) -> list[tuple[SchemaNode, SchemaNode]] | None:
    """Return pairs of old and new alternatives that differ; None if the pairing is ambiguous."""
    members = [
        [node.below(keyword, index) for index in range(len(node.schema.get(keyword, ())))]
        for node in (old, new)
    ]
    before, after = (
        [part for part in own if not any(json_equal(part.whole, other.whole) for other in others)]
        for own, others in (members, members[::-1])
    )
    if not before or len(members[0]) != len(members[1]) or len(before) != len(after):
        return None
    return list(zip(before, after, strict=True))


def _rest(node: SchemaNode, parted: set[str]) -> Any:
    """Return the schema without the keywords in `parted`, which are compared separately."""
    whole = node.whole
    rest = {key: value for key, value in whole.items() if key not in parted | ANNOTATIONS}
    if "properties" in parted:
        rest["properties"] = {}
        rest["additionalProperties"] = False
    elif "additionalProperties" in parted:
        rest["additionalProperties"] = False
    return rest


def _annotations(old: SchemaNode, new: SchemaNode, direction: Direction) -> Iterator[Change]:
    for keyword in sorted(ANNOTATIONS - {"$defs"}):
        before, after = old.schema.get(keyword), new.schema.get(keyword)
        if (keyword in old.schema) == (keyword in new.schema) and json_equal(before, after):
            continue
        pointer, what = (
            join_pointer(new.pointer, keyword),
            f"{keyword}: {format_optional(before)} became {format_optional(after)}",
        )
        if keyword not in new.schema:
            pointer = join_pointer(old.pointer, keyword)
        if keyword == "default" and direction == "to fleets":
            grade: Verdict = "breaking" if keyword in old.schema else "consumers only"
            reason = "Fleets fill in the default for a missing or null field."
            yield Change(pointer, what, grade, reason, "the field is missing")
        elif keyword == "description" and before and after:
            yield wording_change(pointer, keyword, before, after, else_verdict="compatible")
        else:
            yield Change(pointer, what, "compatible", DESCRIPTIVE_REASON)


def wording_change(pointer: str, what: str, old: str, new: str, *, else_verdict: Verdict) -> Change:
    """Return the change for a reworded sentence; breaking if its facts changed."""
    what_changed = f"{what}: {format_value(old)} became {format_value(new)}"
    if facts := differing_facts(old, new):
        reason = "Numbers, names or logical words changed, so the meaning may have changed."
        return Change(pointer, what_changed, "breaking", reason, facts)
    reason = "The wording changed; numbers, names and logical words are the same."
    example = "an implementation that read the old wording differently"
    return Change(pointer, what_changed, else_verdict, reason, example)


def _fields(
    old: SchemaNode, new: SchemaNode, direction: Direction, seen: frozenset[tuple[str, str]]
) -> Iterator[Change]:
    before, after = old.fields, new.fields
    for name in sorted(before.keys() | after.keys()):
        was, will = name in old.required, name in new.required
        if name not in after:
            yield _removed(old, before[name], name, direction, required=was)
        elif name not in before:
            yield _added(new, after[name], name, direction, required=will)
        else:
            if was != will:
                yield _required(old, new, name, direction)
            yield from _changes(before[name], after[name], direction, seen)
    yield from _others(old, new)


def _removed(
    old: SchemaNode, field: SchemaNode, name: str, direction: Direction, *, required: bool
) -> Change:
    what = f"the {'required' if required else 'optional'} field {name} was removed"
    if not required:
        reason = "Readers already handle its absence and ignore unknown fields."
        return Change(field.pointer, what, "compatible", reason)
    # New senders omit the field; old readers require it.
    sent = _without(old, name)
    shown_value = _example(sent, {"required": [name]})
    if direction == "to fleets":
        reason = "Fleets that require the field no longer receive it."
        return Change(field.pointer, what, "consumers only", reason, shown_value)
    reason = "Consumers that read the field no longer receive it."
    return Change(field.pointer, what, "breaking", reason, shown_value)


def _without(node: SchemaNode, name: str) -> Any:
    whole = node.whole
    return {
        **whole,
        "properties": {key: part for key, part in whole["properties"].items() if key != name},
        "required": [field for field in node.required if field != name],
    }


def _added(
    new: SchemaNode, field: SchemaNode, name: str, direction: Direction, *, required: bool
) -> Change:
    what = f"the {'required' if required else 'optional'} field {name} was added"
    if not required:
        return Change(field.pointer, what, "compatible", "Readers ignore unknown fields.")
    shown_value = _example(_without(new, name), {"required": [name]})
    if direction == "to fleets":
        reason = "Consumers do not send the field yet, and fleets reject its absence."
        return Change(field.pointer, what, "breaking", reason, shown_value)
    reason = "Fleets must produce the field; consumers ignore unknown fields."
    return Change(field.pointer, what, "consumers only", reason, shown_value)


def _required(old: SchemaNode, new: SchemaNode, name: str, direction: Direction) -> Change:
    more = name in new.required
    what = f"the field {name} became {'required' if more else 'optional'}"
    lax, strict = (old, new) if more else (new, old)
    shown_value = _example(lax.whole, {"required": [name]})
    reasons = {
        ("to fleets", True): "Fleets reject input without the field.",
        ("to fleets", False): "Fleets may receive input without the field.",
        ("from fleets", True): "Fleets must always produce the field.",
        ("from fleets", False): "Consumers may receive output without the field.",
    }
    breaks_consumers = more == (direction == "to fleets")
    grade = verdict(consumers=breaks_consumers, fleets=not breaks_consumers)
    return Change(
        join_pointer(strict.pointer, "required"), what, grade, reasons[direction, more], shown_value
    )


def _others(old: SchemaNode, new: SchemaNode) -> Iterator[Change]:
    """Compare the schemas of undeclared fields."""
    pair = [node.schema.get("additionalProperties", True) for node in (old, new)]
    if json_equal(*pair) or all(isinstance(part, dict) for part in pair):
        return
    pointer = join_pointer(new.pointer if "additionalProperties" in new.schema else old.pointer,
               "additionalProperties")  # fmt: skip
    what = f"undeclared fields: {describe(pair[0])} became {describe(pair[1])}"
    if all(isinstance(part, bool) for part in pair):
        reason = "Senders send exactly the declared fields, and readers ignore others."
        yield Change(pointer, what, "compatible", reason)
    else:
        reason = "An object with declared fields became a map, or the reverse."
        yield Change(pointer, what, "breaking", reason)


def _values(
    old: SchemaNode, new: SchemaNode, before: Any, after: Any, direction: Direction
) -> Iterator[Change]:
    """Compare two schemas by the values that they allow."""
    if json_equal(before, after):
        return
    lost = mismatches(for_sender(before), for_reader(after))
    won = mismatches(for_sender(after), for_reader(before))
    if not lost and not won:
        yield replace(_same_values(new.pointer), what=_difference_text(before, after))
        return
    kinds = {(True, False): "narrowed", (False, True): "widened", (True, True): "changed"}
    consumers, fleets = (lost, won) if direction == "to fleets" else (won, lost)
    grade = verdict(consumers=bool(consumers), fleets=bool(fleets))
    trouble = consumers or fleets
    sender, reader = (before, after) if trouble is lost else (after, before)
    breaks = _example(sender, for_reader(reader))
    certain = [mismatch for mismatch in trouble if not mismatch.undecided]
    # An example that was validated decides where no rule does.
    proven = breaks is not None and not certain
    why = "see the example" if proven else "; ".join(map(str, (certain or trouble)[:3]))
    consequence = {
        ("to fleets", True): "Fleets may reject values that consumers send",
        ("to fleets", False): "Fleets may receive values that they reject",
        ("from fleets", True): "Consumers may receive values that they do not expect",
        ("from fleets", False): "Fleets may produce values that are no longer allowed",
    }[direction, bool(consumers)]
    what = f"{kinds[bool(lost), bool(won)]}: {_difference_text(before, after)}"
    yield Change(new.pointer, what, grade, f"{consequence}: {why}.", breaks)


def _difference_text(before: Any, after: Any) -> str:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return f"{format_optional(before)} became {format_optional(after)}"
    keywords = [
        key
        for key in dict.fromkeys([*before, *after])
        if (key in before) != (key in after) or not json_equal(before.get(key), after.get(key))
    ]
    return ", ".join(
        f"{key}: {_keyword(before, key)} became {_keyword(after, key)}" for key in keywords
    )


def _keyword(schema: Mapping[str, Any], key: str) -> str:
    return format_value(schema[key]) if key in schema else "nothing"


def _example(sender: Any, reader: Any) -> str | None:
    try:
        return format_value(example(sender, reader))
    except LookupError:
        return None
