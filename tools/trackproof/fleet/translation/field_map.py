"""A fleet's own words for what the contracts say: names, units, values and keys, both ways.

Everything here is total: what does not have the shape that a rule expects is left as it is, since
it is a clause's to say what is wrong with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from trackproof.fleet.profile import Fields, FieldTerms

UNTRANSLATED = "(untranslated)"
"""Marks a contract's own name where the fleet has said to use another."""


class TemplateMap:
    """Texts with places in them, said in two ways: `{transcript_id}/audio.mp3`."""

    def __init__(self, pairs: Mapping[str, str]) -> None:
        """Take the contract's wording of each text, and the fleet's."""
        self._out = [(_pattern(ours), theirs) for ours, theirs in pairs.items()]
        self._back = [(_pattern(theirs), ours) for ours, theirs in pairs.items()]

    def to_fleet(self, text: str) -> str:
        """Return a contract's text as the fleet says it."""
        return _reworded(self._out, text)

    def from_fleet(self, text: str) -> str:
        """Return a fleet's text as the contract says it."""
        return _reworded(self._back, text)


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    seen: set[str] = set()
    pattern = ""
    for index, part in enumerate(parts):
        if index % 2 == 0:
            pattern += re.escape(part)
        elif part in seen:
            pattern += f"(?P={part})"
        else:
            seen.add(part)
            pattern += f"(?P<{part}>[^/]+?)"
    return re.compile(pattern, re.DOTALL)


def _reworded(pairs: list[tuple[re.Pattern[str], str]], text: str) -> str:
    for pattern, template in pairs:
        if found := pattern.fullmatch(text):
            return _with_parts(template, found.groupdict())
    return text


def _with_parts(template: str, parts: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda name: parts.get(name[1], name[0]), template)


class _Node:
    """What is known of one place in a document."""

    def __init__(self, terms: FieldTerms | None = None) -> None:
        self.children: dict[str, _Node] = {}
        self.say(terms)

    def say(self, terms: FieldTerms | None) -> None:
        """Take the fleet's terms for this place."""
        self.name = terms.name if terms else None
        self.milliseconds = terms is not None and terms.unit == "ms"
        self.values = TemplateMap(terms.values) if terms and terms.values else None
        self.keys = TemplateMap(terms.keys) if terms and terms.keys else None

    def names(self) -> dict[str, str]:
        """Return the contract's names of what is below, by the fleet's."""
        return {child.name: name for name, child in self.children.items() if child.name}


_UNKNOWN = _Node()


class FieldMap:
    """How one document of a contract, such as a task's output, is said by the fleet."""

    def __init__(self, fields: Fields, everywhere: Fields, keys: TemplateMap) -> None:
        """Read the rules.

        Args:
            fields: By path: `words[].start`; `*` stands for every key of a map.
            everywhere: By name, at whatever depth; a path says it better.
            keys: S3 keys, wherever they stand.
        """
        self._keys = keys
        self._everywhere = {name: _Node(terms) for name, terms in everywhere.items()}
        self._root = _Node()
        for path, terms in fields.items():
            node = self._root
            for step in path.replace("[]", ".[]").split("."):
                node = node.children.setdefault(step, _Node())
            node.say(terms)

    def to_fleet(self, document: Any) -> Any:
        """Return a contract's document as the fleet says it."""
        return self._to_fleet(self._root, document)

    def from_fleet(self, document: Any) -> Any:
        """Return a fleet's document as the contract says it."""
        return self._from_fleet(self._root, document)

    def name_to_fleet(self, name: str) -> str:
        """Return a top-level field's name as the fleet says it."""
        return self._child(self._root, name).name or name

    def name_from_fleet(self, name: str) -> str:
        """Return a fleet's top-level name as the contract says it."""
        return self._names(self._root).get(name, name)

    def _child(self, node: _Node, name: str) -> _Node:
        if found := node.children.get(name) or node.children.get("*"):
            return found
        return self._everywhere.get(name, _UNKNOWN)

    def _names(self, node: _Node) -> dict[str, str]:
        """Return the contract's names by the fleet's; the keys of a map are no names."""
        if "*" in node.children:
            return {}
        everywhere = {found.name: name for name, found in self._everywhere.items() if found.name}
        return everywhere | node.names()

    def _to_fleet(self, node: _Node, value: Any) -> Any:
        match value:
            case Mapping():
                said = {}
                for name, part in value.items():
                    child = self._child(node, name)
                    new = child.name or name
                    said[node.keys.to_fleet(new) if node.keys else new] = self._to_fleet(
                        child, part
                    )
                return said
            case list():
                each = node.children.get("[]", _UNKNOWN)
                return [self._to_fleet(each, part) for part in value]
            case str():
                return (node.values or self._keys).to_fleet(value)
            case int() | float() if node.milliseconds and _is_finite(value):
                return round(value * 1000)
            case _:
                return value

    def _from_fleet(self, node: _Node, value: Any) -> Any:
        match value:
            case Mapping():
                meant = {}
                names = self._names(node)
                for said, part in value.items():
                    told = node.keys.from_fleet(said) if node.keys else said
                    name = names.get(told, told)
                    child = self._child(node, name)
                    if name == told and child.name not in {None, told}:
                        name = f"{name} {UNTRANSLATED}"
                    meant[name] = self._from_fleet(child, part)
                return meant
            case list():
                each = node.children.get("[]", _UNKNOWN)
                return [self._from_fleet(each, part) for part in value]
            case str():
                return (node.values or self._keys).from_fleet(value)
            case int() | float() if node.milliseconds and _is_finite(value):
                return value / 1000
            case _:
                return value


def _is_finite(value: float) -> bool:
    return not isinstance(value, bool) and math.isfinite(value)
