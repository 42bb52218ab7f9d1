"""One schema within a document: what it refers to, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from trackproof.contracts.compat.changes import join_pointer
from trackproof.contracts.schemas.normal_forms import ANNOTATIONS, inline_references


@dataclass(frozen=True, slots=True)
class SchemaNode:
    """One schema within a document."""

    schema: Any
    pointer: str
    """Its JSON pointer in the document."""
    definitions: Mapping[str, Any]
    definitions_pointer: str

    @property
    def whole(self) -> Any:
        """The schema without references."""
        return inline_references(self.schema, self.definitions)

    @property
    def resolved(self) -> SchemaNode:
        """What the schema refers to, if it is a reference with nothing but annotations."""
        if not isinstance(self.schema, dict) or "$ref" not in self.schema:
            return self
        name = self.schema["$ref"].rpartition("/")[2]
        beside = {key: value for key, value in self.schema.items() if key != "$ref"}
        target = self.definitions.get(name)
        if not isinstance(target, dict) or beside.keys() - ANNOTATIONS:
            return self
        pointer = join_pointer(self.definitions_pointer, name)
        return replace(self, schema={**target, **beside}, pointer=pointer).resolved

    def below(self, *parts: str | int) -> SchemaNode:
        """Return the schema at `parts` of this one."""
        schema = self.schema
        for part in parts:
            schema = schema[part]
        return replace(self, schema=schema, pointer=join_pointer(self.pointer, *parts))

    @property
    def fields(self) -> dict[str, SchemaNode]:
        """The fields of an object, also those that are only required."""
        known = self.schema.get("properties", {})
        unnamed = [name for name in self.required if name not in known]
        return {
            **{name: self.below("properties", name) for name in known},
            **{name: replace(self, schema=True, pointer=join_pointer(self.pointer, "required"))
               for name in unnamed},
        }  # fmt: skip

    @property
    def required(self) -> list[str]:
        """The names of the fields that have to be there."""
        return list(self.schema.get("required", ()))


def root_node(schema: Any, pointer: str) -> SchemaNode:
    """Return a schema that stands alone, its definitions in its own `$defs`."""
    return SchemaNode(schema, pointer, schema.get("$defs", {}), join_pointer(pointer, "$defs"))
