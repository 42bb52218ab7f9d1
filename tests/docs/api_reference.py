"""The HTTP APIs, from their OpenAPI documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from pydantic import SecretStr
from starlette.schemas import SchemaGenerator

from reference_workers.platform.api.app import create_app
from reference_workers.platform.state.repository import State
from reference_workers.platform.trigger.app import create_app as create_trigger_app
from reference_workers.platform.trigger.daily_webhook import SignatureCheck
from reference_workers.platform.trigger.process import Trigger
from reference_workers.platform.trigger.switch import Switch
from reference_workers.settings import Settings
from tests.docs.markdown import GENERATED, table

Json = Mapping[str, Any]


def render() -> str:
    """Return the page."""
    return "\n".join(
        [
            "# API reference\n",
            GENERATED,
            "How to use them: [api.md](api.md), [migration.md](migration.md). A running API serves "
            "its document at `/openapi.json`.\n",
            *_document("The API", api_document()),
            *_document("The trigger", trigger_document()),
        ]
    )


def api_document() -> Json:
    """Return the OpenAPI document of the API of a deployment with tokens."""
    settings = Settings.model_construct(api_tokens=(SecretStr("a-token-for-the-document"),))
    document: Json = create_app(settings).openapi()
    return document


def trigger_document() -> Json:
    """Return the OpenAPI document of the trigger's endpoint."""

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("the document needs no request")

    trigger = Trigger(State.__new__(State), Switch(False, False, False), refuse, refuse)
    app = create_trigger_app(trigger, SignatureCheck(""), bucket_name="")
    info = {"title": "Trigger", "description": "Daily's webhooks for finished recordings."}
    document: Json = SchemaGenerator({"openapi": "3.1.0", "info": info}).get_schema(app.routes)
    return document


def _document(title: str, document: Json) -> Iterator[str]:
    yield f"## {title}\n"
    yield document["info"].get("description", "")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"### {method.upper()} {path}\n"
            yield f"{operation.get('summary', '')}. {operation.get('description', '')}\n"
            if parameters := operation.get("parameters"):
                yield table(
                    ("parameter", "in", "type", "required", "description"),
                    [_parameter(one, document) for one in parameters],
                )
            if body := operation.get("requestBody"):
                yield f"Body: {body.get('description', '')}\n"
            yield table(
                ("status", "body", "meaning"),
                [
                    (status, _body(answer, document), answer.get("description", ""))
                    for status, answer in sorted(operation["responses"].items())
                ],
            )
    if schemas := document.get("components", {}).get("schemas"):
        yield f"### Bodies of {title.lower()}\n"
        for name, schema in schemas.items():
            yield f"**{name}.** {schema.get('description', '')}\n"
            yield _fields(schema, document)


def _parameter(parameter: Json, document: Json) -> tuple[str, ...]:
    return (
        f"`{parameter['name']}`",
        parameter["in"],
        _kind(parameter.get("schema", {}), document),
        "yes" if parameter.get("required") else "no",
        parameter.get("description", ""),
    )


def _body(answer: Json, document: Json) -> str:
    return ", ".join(
        f"{media}: {_kind(content.get('schema', {}), document)}"
        for media, content in answer.get("content", {}).items()
    )


def _fields(schema: Json, document: Json) -> str:
    required = set(schema.get("required", ()))
    return table(
        ("field", "type", "always there", "description"),
        [
            (
                f"`{name}`",
                _kind(field, document),
                "yes" if name in required else "no",
                field.get("description", ""),
            )
            for name, field in schema.get("properties", {}).items()
        ],
    )


def _kind(schema: Json, document: Json) -> str:
    match schema:
        case {"$ref": reference}:
            kind = str(reference).rpartition("/")[2]
        case {"const": value}:
            kind = f"`{value}`"
        case {"enum": values}:
            kind = " or ".join(f"`{value}`" for value in values)
        case {"anyOf": options}:
            kind = " or ".join(dict.fromkeys(_kind(one, document) for one in options))
        case {"title": "Problem"}:
            kind = "problem"
        case {"type": "array"}:
            kind = f"array of {_kind(schema.get('items', {}), document)}"
        case _:
            kind = str(schema.get("type", "any"))
    return kind
