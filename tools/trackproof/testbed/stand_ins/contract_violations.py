"""Does a request keep to the contract of the service it is sent to (contracts/services)?

Said without values from the request: what breaks a rule may be a key or a presigned URL.
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
NAMING_RULES = frozenset({"required", "dependentRequired", "additionalProperties"})
"""Rules whose message holds names of fields and nothing else of the request."""


@dataclass(slots=True)
class _Call:
    """A request as openapi-core takes it."""

    method: str
    path: str
    parameters: RequestParameters
    content_type: str
    body: bytes | None
    host_url: str = HOST


@dataclass(slots=True)
class _Webhook:
    """A delivery as openapi-core takes it."""

    method: str
    name: str
    parameters: RequestParameters
    content_type: str
    body: bytes | None


@dataclass(frozen=True, slots=True)
class IncomingRequest:
    """What a stand-in was sent."""

    method: str
    path: str
    """Below the service's base URL."""
    query: dict[str, str]
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)


@cache
def _contract(service: str) -> OpenAPI:
    return OpenAPI.from_dict(load_contracts().services[service])


def violations(service: str, asked: IncomingRequest) -> tuple[str, ...]:
    """Return how a request breaks its service's contract, a field each; nothing if it keeps it."""
    headers = Headers(list(asked.headers))
    parameters = RequestParameters(query=ImmutableMultiDict(asked.query), header=headers)
    content_type = headers.get("content-type", "").lower()
    body = asked.body or None
    method = asked.method.lower()
    webhooks = load_contracts().services[service].get("webhooks")
    request: _Call | _Webhook
    if webhooks:
        # A receiver takes any path; the event's own header is checked with the others.
        event = headers.get("x-webhook-event", "")
        name = event if event in webhooks else next(iter(webhooks))
        request = _Webhook(method, name, parameters, content_type, body)
    else:
        request = _Call(method, asked.path, parameters, content_type, body)
    try:
        errors = list(_contract(service).iter_request_errors(request))
    except OpenAPIError as error:
        errors = [error]
    return tuple(dict.fromkeys(text for error in errors for text in _told(error, asked)))


def _told(error: Exception, asked: IncomingRequest) -> Iterator[str]:
    match error:
        case PathNotFound():
            yield "there is no such path"
        case OperationNotFound():
            yield f"nothing answers {asked.method} there"
        case SecurityValidationError():
            yield "header Authorization: missing, or of another scheme than the service wants"
        case ParameterValidationError():
            yield f"{error.location} {error.name}: {_wrong_value(error)}"
        case MissingRequiredRequestBody():
            yield "body: it is missing"
        case RequestBodyValidationError():
            yield from _wrong_body(error)
        case _:
            yield f"it cannot be held against the contract ({type(error).__name__})"


def _wrong_value(error: BaseException) -> str:
    broken = _schema_errors(error)
    if broken:
        return _rule(broken[0])
    return "missing, or not of its type"


def _wrong_body(error: BaseException) -> Iterator[str]:
    broken = _schema_errors(error)
    for one in broken:
        place = "".join(f"/{part}" for part in one.absolute_path)
        yield f"body {place or '/'}: {_rule(one)}"
    if not broken:
        yield "body: not of the media type that the service takes, or cannot be parsed as such"


def _schema_errors(error: BaseException) -> list[ValidationError]:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InvalidSchemaValue):
            return [one for one in cause.schema_errors if isinstance(one, ValidationError)]
        cause = cause.__cause__
    return []


def _rule(error: ValidationError) -> str:
    rule, wanted = str(error.validator), error.validator_value
    if rule in NAMING_RULES:
        return error.message
    return f"{rule} {_short(wanted)} is wanted, {_kind(error.instance)} is there"


def _short(wanted: Any) -> str:
    text = str(wanted)
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
