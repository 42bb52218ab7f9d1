"""Violations of a service's contract (contracts/services) by a request.

Messages contain no values of the request, which may be a key or a presigned URL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jsonschema.exceptions import ValidationError
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.paths.exceptions import OperationNotFound, PathNotFound
from openapi_core.validation.request.exceptions import (
    MissingRequiredRequestBody,
    ParameterValidationError,
    RequestBodyValidationError,
    SecurityValidationError,
)
from openapi_core.validation.schemas.exceptions import InvalidSchemaValue
from werkzeug.datastructures import Headers, ImmutableMultiDict

from trackproof.contracts.load import load_contracts

HOST = "http://stand-in"
VALUE_FREE_RULES = frozenset({"required", "dependentRequired", "additionalProperties"})
"""Rules whose message contains names of fields and nothing else of the request."""


@dataclass(slots=True)
class _Call:
    """A request in the protocol of openapi-core."""

    method: str
    path: str
    parameters: RequestParameters
    content_type: str
    body: bytes | None
    host_url: str = HOST


@dataclass(slots=True)
class _WebhookCall:
    """A webhook delivery in the protocol of openapi-core."""

    method: str
    name: str
    parameters: RequestParameters
    content_type: str
    body: bytes | None


@dataclass(frozen=True, slots=True)
class IncomingRequest:
    """A request to a stand-in."""

    method: str
    path: str
    """Below the service's base URL."""
    query: dict[str, str]
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)


@cache
def _contract(service: str) -> OpenAPI:
    return OpenAPI.from_dict(load_contracts().services[service])


def violations(service: str, request: IncomingRequest) -> tuple[str, ...]:
    """Return the violations of the service's contract, one per field."""
    headers = Headers(list(request.headers))
    parameters = RequestParameters(query=ImmutableMultiDict(request.query), header=headers)
    content_type = headers.get("content-type", "").lower()
    body = request.body or None
    method = request.method.lower()
    webhooks = load_contracts().services[service].get("webhooks")
    call: _Call | _WebhookCall
    if webhooks:
        # A receiver accepts any path; the header is validated with the others.
        event = headers.get("x-webhook-event", "")
        name = event if event in webhooks else next(iter(webhooks))
        call = _WebhookCall(method, name, parameters, content_type, body)
    else:
        call = _Call(method, request.path, parameters, content_type, body)
    try:
        errors = list(_contract(service).iter_request_errors(call))
    except OpenAPIError as error:
        errors = [error]
    return tuple(dict.fromkeys(text for error in errors for text in _messages(error, request)))


def _messages(error: Exception, request: IncomingRequest) -> Iterator[str]:
    match error:
        case PathNotFound():
            yield "unknown path"
        case OperationNotFound():
            yield f"method {request.method} is not allowed"
        case SecurityValidationError():
            yield "header Authorization: missing, or of another scheme than the service requires"
        case ParameterValidationError():
            yield f"{error.location} {error.name}: {_wrong_value(error)}"
        case MissingRequiredRequestBody():
            yield "body: missing"
        case RequestBodyValidationError():
            yield from _wrong_body(error)
        case _:
            yield f"the request cannot be validated ({type(error).__name__})"


def _wrong_value(error: BaseException) -> str:
    errors = _schema_errors(error)
    if errors:
        return _rule(errors[0])
    return "missing, or of the wrong type"


def _wrong_body(error: BaseException) -> Iterator[str]:
    errors = _schema_errors(error)
    for one in errors:
        pointer = "".join(f"/{part}" for part in one.absolute_path)
        yield f"body {pointer or '/'}: {_rule(one)}"
    if not errors:
        yield "body: wrong media type, or malformed"


def _schema_errors(error: BaseException) -> list[ValidationError]:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InvalidSchemaValue):
            return [one for one in cause.schema_errors if isinstance(one, ValidationError)]
        cause = cause.__cause__
    return []


def _rule(error: ValidationError) -> str:
    rule, expected = str(error.validator), error.validator_value
    if rule in VALUE_FREE_RULES:
        return error.message
    return f"expected {rule} {_short(expected)}, got {_kind(error.instance)}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return f"a string of {len(value)} characters"
        case list():
            return f"a list of {len(value)}"
        case _:
            return "an object"
