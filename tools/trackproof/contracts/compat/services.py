"""Two versions of an outside service's OpenAPI document.

Fleets send the requests (and the webhooks), the service answers: a request's data comes from
fleets, a response's goes to them, and the service is the consumer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trackproof.contracts.compat.changes import (
    Change,
    Direction,
    at,
    differences,
    replaced,
    same,
    told,
)
from trackproof.contracts.compat.schema_nodes import SchemaNode
from trackproof.contracts.compat.schemas import schema_changes

Data = Mapping[str, Any]
_DESCRIBING = {
    "openapi", "info", "servers", "tags", "externalDocs", "summary", "description",
    "jsonSchemaDialect", "example", "examples",
}  # fmt: skip


def service_changes(old: Data, new: Data, place: str) -> Iterator[Change]:
    """Return every difference between two versions of a service."""
    try:
        found = list(_Service(old, new, place).changes())
    except (AttributeError, LookupError, TypeError):
        found = []  # a part is not of OpenAPI's shape: only that it is another document is sure
    yield from found
    if not found and not same(old, new):
        yield replaced(place, old, new)


class _Service:
    """Both documents at hand, since anything in them may refer to their components."""

    def __init__(self, old: Data, new: Data, place: str) -> None:
        self._old, self._new, self._place = old, new, place

    def changes(self) -> Iterator[Change]:
        for key, before, after, here in differences(self._old, self._new, self._place):
            if key in ("paths", "webhooks"):
                yield from self._operations(before or {}, after or {}, here)
            elif key == "components":
                # Schemas and the like are compared where they are used.
                if before and after and not same(*map(_security, (before, after))):
                    yield replaced(here, _security(before), _security(after))
            else:
                yield _other(key, before, after, here)
        # A shape that changed leaves the operations' own text as it was.
        for key in ("paths", "webhooks"):
            if same(self._old.get(key), self._new.get(key)):
                items = self._new.get(key) or {}
                yield from self._operations(items, items, at(self._place, key))

    def _operations(self, old: Data, new: Data, place: str) -> Iterator[Change]:
        for path in sorted(old.keys() | new.keys()):
            before, after = old.get(path, {}), new.get(path, {})
            for method in sorted(before.keys() | after.keys()):
                here = at(place, path, method)
                if method not in after:
                    reason = "Whoever is called there is not called any more."
                    yield Change(here, "the operation was removed", "breaking", reason, path)
                elif method not in before:
                    reason = "Fleets may have to call it."
                    yield Change(here, "the operation was added", "consumers only", reason, path)
                else:
                    yield from self._operation(before[method], after[method], here)

    def _operation(self, old: Any, new: Any, place: str) -> Iterator[Change]:
        if not isinstance(old, dict) or not isinstance(new, dict):
            if not same(old, new):
                yield replaced(place, old, new)
            return
        for key in sorted(old.keys() | new.keys()):
            before, after, here = old.get(key), new.get(key), at(place, key)
            if key == "requestBody" and before and after:
                yield from self._body(before, after, here, "from fleets")
            elif key == "responses":
                yield from self._responses(before or {}, after or {}, here)
            elif key == "parameters":
                yield from self._parameters(before or [], after or [], here)
            elif not same(before, after):
                yield _other(key, before, after, here)

    def _responses(self, old: Data, new: Data, place: str) -> Iterator[Change]:
        for status in sorted(old.keys() | new.keys(), key=str):
            here = at(place, status)
            if status not in new:
                reason = "Fleets do not meet it any more."
                yield Change(here, f"the answer {status} was removed", "compatible", reason)
            elif status not in old:
                reason = "Fleets have to cope with it."
                what = f"the answer {status} was added"
                yield Change(here, what, "consumers only", reason, str(status))
            else:
                yield from self._body(old[status], new[status], here, "to fleets")

    def _parameters(self, old: list[Data], new: list[Data], place: str) -> Iterator[Change]:
        before, after = self._named(old, "old"), self._named(new, "new")
        for name in sorted(before.keys() | after.keys()):
            if name not in after:
                reason = "The service may rely on it."
                yield Change(place, f"{name} was removed", "breaking", reason, name)
            elif name not in before:
                reason = "Fleets may have to send it."
                yield Change(place, f"{name} was added", "consumers only", reason, name)
            else:
                (_, was), (index, will) = before[name], after[name]
                yield from self._part(was, will, at(place, index), "from fleets")

    def _named(self, parameters: list[Data], side: str) -> dict[str, tuple[int, Data]]:
        root = self._old if side == "old" else self._new
        found = [_resolved(parameter, root) for parameter in parameters]
        return {f"{part['in']} {part['name']}": (index, part) for index, part in enumerate(found)}

    def _body(self, old: Data, new: Data, place: str, direction: Direction) -> Iterator[Change]:
        before, after = _resolved(old, self._old), _resolved(new, self._new)
        contents = [part.get("content", {}) for part in (before, after)]
        for kind in sorted(contents[0].keys() | contents[1].keys()):
            here = at(place, "content", kind)
            if all(kind in content for content in contents):
                yield from self._part(contents[0][kind], contents[1][kind], here, direction)
            else:
                yield replaced(here, contents[0].get(kind), contents[1].get(kind))
        was, will = (_without_content(part) for part in (before, after))
        yield from self._part(was, will, place, direction)

    def _part(self, old: Data, new: Data, place: str, direction: Direction) -> Iterator[Change]:
        for key in sorted(old.keys() | new.keys()):
            before, after, here = old.get(key), new.get(key), at(place, key)
            if key == "schema" and before is not None and after is not None:
                yield from schema_changes(
                    _node(before, here, self._old, self._place),
                    _node(after, here, self._new, self._place),
                    direction,
                )
            elif not same(before, after):
                yield _other(key, before, after, here)


def _without_content(body: Data) -> Data:
    return {key: value for key, value in body.items() if key != "content"}


def _other(key: str, before: Any, after: Any, place: str) -> Change:
    if key in _DESCRIBING:
        what = f"{told(before)} became {told(after)}"
        return Change(place, what, "compatible", "It describes; it demands nothing.")
    return replaced(place, before, after)


def _security(components: Data) -> Any:
    return components.get("securitySchemes")


def _node(schema: Any, place: str, root: Data, root_place: str) -> SchemaNode:
    definitions = root.get("components", {}).get("schemas", {})
    return SchemaNode(schema, place, definitions, at(root_place, "components", "schemas"))


def _resolved(node: Data, root: Data) -> Data:
    if "$ref" not in node:
        return node
    target: Any = root
    for part in node["$ref"].removeprefix("#/").split("/"):
        target = target[part.replace("~1", "/").replace("~0", "~")]
    found: Data = target
    return found
