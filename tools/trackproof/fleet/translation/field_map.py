"""Translation of documents between a contract's names, units, values and keys and a fleet's.

All functions are total: a value without the expected shape is passed through unchanged, for a
clause to judge.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trackproof.fleet.profile import Fields, FieldTerms

UNTRANSLATED = "(untranslated)"
"""Suffix of a contract's name where the profile declares another one."""


class TemplateMap:
    """Maps texts by templates such as `{transcript_id}/audio.mp3`, both ways."""

    def __init__(self, pairs: Mapping[str, str]) -> None:
        """Map the contract's templates (keys of `pairs`) to the fleet's (values)."""
        self._to_fleet = [(_pattern(ours), theirs) for ours, theirs in pairs.items()]
        self._from_fleet = [(_pattern(theirs), ours) for ours, theirs in pairs.items()]

    def to_fleet(self, text: str) -> str:
        """Return the fleet's text for a contract's."""
        return _translate(self._to_fleet, text)

    def from_fleet(self, text: str) -> str:
        """Return the contract's text for a fleet's."""
        return _translate(self._from_fleet, text)


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


def _translate(pairs: list[tuple[re.Pattern[str], str]], text: str) -> str:
    for pattern, template in pairs:
        if match := pattern.fullmatch(text):
            return _substitute(template, match.groupdict())
    return text


def _substitute(template: str, parts: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda name: parts.get(name[1], name[0]), template)


class _Node:
    """Terms of one location in a document."""

    def __init__(self, terms: FieldTerms | None = None) -> None:
        self.children: dict[str, _Node] = {}
        self.set_terms(terms)

    def set_terms(self, terms: FieldTerms | None) -> None:
        """Set the fleet's terms for this location."""
        self.name = terms.name if terms else None
        self.trim = terms is not None and terms.trim
        self.milliseconds = terms is not None and terms.unit == "ms"
        self.values = TemplateMap(terms.values) if terms and terms.values else None
        self.keys = TemplateMap(terms.keys) if terms and terms.keys else None

    def names(self) -> dict[str, str]:
        """Return the contract's names of the children, by the fleet's."""
        return {child.name: name for name, child in self.children.items() if child.name}


_UNKNOWN = _Node()


class FieldMap:
    """Translates one document of a contract, such as a task's output."""

    def __init__(self, fields: Fields, everywhere: Fields, keys: TemplateMap) -> None:
        """Build the map from a profile's rules.

        Args:
            fields: Terms by path, such as `words[].start`; `*` matches every key of a map.
            everywhere: Terms by name, at any depth; `fields` take precedence.
            keys: S3 keys, translated in every text.
        """
        self._keys = keys
        self._everywhere = {name: _Node(terms) for name, terms in everywhere.items()}
        self._root = _Node()
        for path, terms in fields.items():
            node = self._root
            for step in path.replace("[]", ".[]").split("."):
                node = node.children.setdefault(step, _Node())
            node.set_terms(terms)

    def to_fleet(self, document: Any) -> Any:
        """Return a contract's document in the fleet's terms."""
        return self._to_fleet(self._root, document)

    def from_fleet(self, document: Any) -> Any:
        """Return a fleet's document in the contract's terms."""
        return self._from_fleet(self._root, document)

    def name_to_fleet(self, name: str) -> str:
        """Return the fleet's name of a top-level field."""
        return self._child(self._root, name).name or name

    def name_from_fleet(self, name: str) -> str:
        """Return the contract's name of a fleet's top-level field."""
        return self._names(self._root).get(name, name)

    def path_to_fleet(self, names: Sequence[str]) -> list[str]:
        """Return the fleet's names of a path's fields; an index or a wildcard begins with `[`.

        A name after `..` is given as `..name`: the first field of that name at any depth counts.
        """
        node, translated = self._root, []
        for name in names:
            if name.startswith("["):
                node = node.children.get("[]") or node.children.get("*", _UNKNOWN)
                translated.append(name)
            elif name.startswith(".."):
                node = self._at_any_depth(name[2:])
                translated.append(f"..{node.name or name[2:]}")
            else:
                keys = node.keys
                node = self._child(node, name)
                new = node.name or name
                translated.append(keys.to_fleet(new) if keys else new)
        return translated

    def path_from_fleet(self, names: Sequence[str]) -> list[str]:
        """Return the contract's names of a path's fields; see `path_to_fleet`."""
        node, translated = self._root, []
        for name in names:
            if name.startswith("["):
                node = node.children.get("[]") or node.children.get("*", _UNKNOWN)
                translated.append(name)
            elif name.startswith(".."):
                ours = self._contract_name_at_any_depth(name[2:])
                node = self._at_any_depth(ours)
                translated.append(f"..{ours}")
            else:
                fleet_name = node.keys.from_fleet(name) if node.keys else name
                ours = self._names(node).get(fleet_name, fleet_name)
                node = self._child(node, ours)
                translated.append(ours)
        return translated

    def _at_any_depth(self, name: str) -> _Node:
        found = (node for known, node in self._descendants(self._root) if known == name)
        return next(found, self._everywhere.get(name, _UNKNOWN))

    def _contract_name_at_any_depth(self, fleet_name: str) -> str:
        known = (*self._descendants(self._root), *self._everywhere.items())
        return next((name for name, node in known if node.name == fleet_name), fleet_name)

    def _descendants(self, node: _Node) -> Iterator[tuple[str, _Node]]:
        for name, child in node.children.items():
            yield name, child
            yield from self._descendants(child)

    def _child(self, node: _Node, name: str) -> _Node:
        if child := node.children.get(name) or node.children.get("*"):
            return child
        return self._everywhere.get(name, _UNKNOWN)

    def _names(self, node: _Node) -> dict[str, str]:
        """Return the contract's names by the fleet's; empty for the keys of a map."""
        if "*" in node.children:
            return {}
        everywhere = {rule.name: name for name, rule in self._everywhere.items() if rule.name}
        return everywhere | node.names()

    def _to_fleet(self, node: _Node, value: Any) -> Any:
        match value:
            case Mapping():
                translated = {}
                for name, part in value.items():
                    child = self._child(node, name)
                    new = child.name or name
                    key = node.keys.to_fleet(new) if node.keys else new
                    translated[key] = self._to_fleet(child, part)
                return translated
            case list():
                item = node.children.get("[]", _UNKNOWN)
                return [self._to_fleet(item, part) for part in value]
            case str():
                return (node.values or self._keys).to_fleet(value)
            case int() | float() if node.milliseconds and _is_finite(value):
                return round(value * 1000)
            case _:
                return value

    def _from_fleet(self, node: _Node, value: Any) -> Any:
        match value:
            case Mapping():
                translated = {}
                names = self._names(node)
                for key, part in value.items():
                    fleet_name = node.keys.from_fleet(key) if node.keys else key
                    name = names.get(fleet_name, fleet_name)
                    child = self._child(node, name)
                    if name == fleet_name and child.name not in {None, fleet_name}:
                        name = f"{name} {UNTRANSLATED}"
                    translated[name] = self._from_fleet(child, part)
                return translated
            case list():
                item = node.children.get("[]", _UNKNOWN)
                return [self._from_fleet(item, part) for part in value]
            case str():
                text = value.strip() if node.trim else value
                return (node.values or self._keys).from_fleet(text)
            case int() | float() if node.milliseconds and _is_finite(value):
                return value / 1000
            case _:
                return value


def _is_finite(value: float) -> bool:
    return not isinstance(value, bool) and math.isfinite(value)
