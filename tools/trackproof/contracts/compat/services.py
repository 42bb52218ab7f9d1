"""Comparison of two versions of an outside service's OpenAPI document.

Fleets send requests and webhooks; the service, here the consumer, responds. Request data comes
from fleets, response data goes to fleets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trackproof.contracts.compat.changes import (
    DESCRIPTIVE_REASON,
    Change,
    Direction,
    differences,
    format_optional,
    join_pointer,
    json_equal,
    unclassified,
)
from trackproof.contracts.compat.schema_nodes import SchemaNode
from trackproof.contracts.compat.schemas import schema_changes

Data = Mapping[str, Any]
_DESCRIPTIVE = {
    "openapi", "info", "servers", "tags", "externalDocs", "summary", "description",
    "jsonSchemaDialect", "example", "examples",
}  # fmt: skip


def service_changes(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    """Yield all differences between two versions of a service."""
    try:
        changes = list(_Service(old, new, pointer).changes())
    except (AttributeError, LookupError, TypeError):
        changes = []  # not valid OpenAPI: report one change for the whole document
    yield from changes
    if not changes and not json_equal(old, new):
        yield unclassified(pointer, old, new)


class _Service:
    """The comparison of two documents; it resolves references to their components."""

    def __init__(self, old: Data, new: Data, pointer: str) -> None:
        self._old, self._new, self._pointer = old, new, pointer

    def changes(self) -> Iterator[Change]:
        for key, before, after, here in differences(self._old, self._new, self._pointer):
            if key in ("paths", "webhooks"):
                yield from self._operations(before or {}, after or {}, here)
            elif key == "components":
                # Other components are compared where they are referenced.
                if before and after and not json_equal(*map(_security, (before, after))):
                    yield unclassified(here, _security(before), _security(after))
            else:
                yield _other(key, before, after, here)
        # Operations without a change of their own may refer to a changed component.
        for key in ("paths", "webhooks"):
            if json_equal(self._old.get(key), self._new.get(key)):
                items = self._new.get(key) or {}
                yield from self._operations(items, items, join_pointer(self._pointer, key))

    def _operations(self, old: Data, new: Data, pointer: str) -> Iterator[Change]:
        for path in sorted(old.keys() | new.keys()):
            before, after = old.get(path, {}), new.get(path, {})
            for method in sorted(before.keys() | after.keys()):
                here = join_pointer(pointer, path, method)
                if method not in after:
                    reason = "Fleets no longer call it."
                    yield Change(here, "the operation was removed", "breaking", reason, path)
                elif method not in before:
                    reason = "Fleets may need to call it."
                    yield Change(here, "the operation was added", "consumers only", reason, path)
                else:
                    yield from self._operation(before[method], after[method], here)

    def _operation(self, old: Any, new: Any, pointer: str) -> Iterator[Change]:
        if not isinstance(old, dict) or not isinstance(new, dict):
            if not json_equal(old, new):
                yield unclassified(pointer, old, new)
            return
        for key in sorted(old.keys() | new.keys()):
            before, after, here = old.get(key), new.get(key), join_pointer(pointer, key)
            if key == "requestBody" and before and after:
                yield from self._body(before, after, here, "from fleets")
            elif key == "responses":
                yield from self._responses(before or {}, after or {}, here)
            elif key == "parameters":
                yield from self._parameters(before or [], after or [], here)
            elif not json_equal(before, after):
                yield _other(key, before, after, here)

    def _responses(self, old: Data, new: Data, pointer: str) -> Iterator[Change]:
        for status in sorted(old.keys() | new.keys(), key=str):
            here = join_pointer(pointer, status)
            if status not in new:
                reason = "Fleets no longer receive it."
                yield Change(here, f"the response {status} was removed", "compatible", reason)
            elif status not in old:
                reason = "Fleets must handle it."
                what = f"the response {status} was added"
                yield Change(here, what, "consumers only", reason, str(status))
            else:
                yield from self._body(old[status], new[status], here, "to fleets")

    def _parameters(self, old: list[Data], new: list[Data], pointer: str) -> Iterator[Change]:
        before, after = self._named(old, "old"), self._named(new, "new")
        for name in sorted(before.keys() | after.keys()):
            if name not in after:
                reason = "The service may rely on it."
                yield Change(pointer, f"{name} was removed", "breaking", reason, name)
            elif name not in before:
                reason = "Fleets may need to send it."
                yield Change(pointer, f"{name} was added", "consumers only", reason, name)
            else:
                (_, was), (index, will) = before[name], after[name]
                yield from self._part(was, will, join_pointer(pointer, index), "from fleets")

    def _named(self, parameters: list[Data], side: str) -> dict[str, tuple[int, Data]]:
        root = self._old if side == "old" else self._new
        resolved = [_resolved(parameter, root) for parameter in parameters]
        return {
            f"{part['in']} {part['name']}": (index, part) for index, part in enumerate(resolved)
        }

    def _body(self, old: Data, new: Data, pointer: str, direction: Direction) -> Iterator[Change]:
        before, after = _resolved(old, self._old), _resolved(new, self._new)
        contents = [part.get("content", {}) for part in (before, after)]
        for kind in sorted(contents[0].keys() | contents[1].keys()):
            here = join_pointer(pointer, "content", kind)
            if all(kind in content for content in contents):
                yield from self._part(contents[0][kind], contents[1][kind], here, direction)
            else:
                yield unclassified(here, contents[0].get(kind), contents[1].get(kind))
        was, will = (_without_content(part) for part in (before, after))
        yield from self._part(was, will, pointer, direction)

    def _part(self, old: Data, new: Data, pointer: str, direction: Direction) -> Iterator[Change]:
        for key in sorted(old.keys() | new.keys()):
            before, after, here = old.get(key), new.get(key), join_pointer(pointer, key)
            if key == "schema" and before is not None and after is not None:
                yield from schema_changes(
                    _node(before, here, self._old, self._pointer),
                    _node(after, here, self._new, self._pointer),
                    direction,
                )
            elif not json_equal(before, after):
                yield _other(key, before, after, here)


def _without_content(body: Data) -> Data:
    return {key: value for key, value in body.items() if key != "content"}


def _other(key: str, before: Any, after: Any, pointer: str) -> Change:
    if key in _DESCRIPTIVE:
        what = f"{format_optional(before)} became {format_optional(after)}"
        return Change(pointer, what, "compatible", DESCRIPTIVE_REASON)
    return unclassified(pointer, before, after)


def _security(components: Data) -> Any:
    return components.get("securitySchemes")


def _node(schema: Any, pointer: str, root: Data, root_pointer: str) -> SchemaNode:
    definitions = root.get("components", {}).get("schemas", {})
    return SchemaNode(
        schema, pointer, definitions, join_pointer(root_pointer, "components", "schemas")
    )


def _resolved(node: Data, root: Data) -> Data:
    if "$ref" not in node:
        return node
    target = root
    for part in node["$ref"].removeprefix("#/").split("/"):
        target = target[part.replace("~1", "/").replace("~0", "~")]
    return target
