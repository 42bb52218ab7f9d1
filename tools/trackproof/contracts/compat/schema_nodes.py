"""Schemas within a document, with their location and definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from trackproof.contracts.compat.changes import join_pointer
from trackproof.contracts.schemas.normal_forms import ANNOTATIONS, inline_references


@dataclass(frozen=True, slots=True)
class SchemaNode:
    """A schema within a document."""

    schema: Any
    pointer: str
    """JSON pointer into the document."""
    definitions: Mapping[str, Any]
    definitions_pointer: str

    @property
    def whole(self) -> Any:
        """The schema with all references inlined."""
        return inline_references(self.schema, self.definitions)

    @property
    def resolved(self) -> SchemaNode:
        """The target of the schema's reference, if it has one with only annotations beside it."""
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
        """Return the subschema at the given reference tokens."""
        schema = self.schema
        for part in parts:
            schema = schema[part]
        return replace(self, schema=schema, pointer=join_pointer(self.pointer, *parts))

    @property
    def fields(self) -> dict[str, SchemaNode]:
        """The fields of an object, including required fields without a property."""
        known = self.schema.get("properties", {})
        unnamed = [name for name in self.required if name not in known]
        return {
            **{name: self.below("properties", name) for name in known},
            **{name: replace(self, schema=True, pointer=join_pointer(self.pointer, "required"))
               for name in unnamed},
        }  # fmt: skip

    @property
    def required(self) -> list[str]:
        """The names of the required fields."""
        return list(self.schema.get("required", ()))


def root_node(schema: Any, pointer: str) -> SchemaNode:
    """Return the node of a self-contained schema."""
    return SchemaNode(schema, pointer, schema.get("$defs", {}), join_pointer(pointer, "$defs"))
