"""The working contracts as an editable document."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from trackproof.contracts.compat import Change, compare, working_release
from trackproof.contracts.compat.changes import canonical

Document = dict[str, Any]
Edit = Callable[[Document], object]


@cache
def _working() -> bytes:
    return canonical(working_release())


def document() -> Document:
    """Return the working contracts with a sample event and a sample service."""
    whole: Document = json.loads(_working())
    whole["events"] = {**whole.get("events", {}), "SAMPLE": copy.deepcopy(EVENT)}
    whole["services"] = {**whole.get("services", {}), "sample": copy.deepcopy(SERVICE)}
    return whole


def changed(edit: Edit) -> list[Change]:
    """Return the changes that an edit causes."""
    old, new = document(), document()
    edit(new)
    return compare(old, new)


EVENT: Document = {
    "type": "object",
    "required": ["value"],
    "properties": {"value": {"enum": ["processing", "ended"]}, "note": {"type": "string"}},
}
SERVICE: Document = {
    "openapi": "3.1.0",
    "info": {"title": "Sample", "version": "1"},
    "paths": {
        "/things/{id}": {
            "get": {
                "operationId": "getThing",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
                ],
                "responses": {
                    "200": {
                        "description": "the thing",
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}
                        },
                    }
                },
            },
            "post": {
                "operationId": "putThing",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Order"}}
                    },
                },
                "responses": {"204": {"description": "done"}},
            },
        }
    },
    "components": {
        "schemas": {
            "Thing": {
                "type": "object",
                "required": ["id"],
                "properties": {"id": {"type": "string"}, "size": {"type": "integer"}},
            },
            "Order": {
                "type": "object",
                "required": ["count"],
                "properties": {"count": {"type": "integer", "minimum": 1, "maximum": 9}},
            },
        }
    },
}
