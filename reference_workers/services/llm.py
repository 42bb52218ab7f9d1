"""Client for an OpenAI-compatible LLM; servers differ in how they take a schema."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx

from reference_workers import metrics
from reference_workers.services.http import open_client, raise_for_status, send_request
from reference_workers.services.llm_answers import UnusableAnswerError, answer_of, completion
from reference_workers.settings import Settings

Json = dict[str, Any]

_PATH = "chat/completions"

_UNSUPPORTED = re.compile(rb"response_format|json_schema|json_object|structured|schema|grammar")
"""What a refusal mentions when a server cannot be held to a schema."""

_REFUSALS = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.NOT_IMPLEMENTED,
}


def _json_schema(prompt: str, name: str, schema: Json) -> Json:
    json_schema = {"name": name, "strict": True, "schema": schema}
    return _messages(prompt) | {
        "response_format": {"type": "json_schema", "json_schema": json_schema}
    }


def _json_object(prompt: str, name: str, schema: Json) -> Json:
    return _instruction(prompt, name, schema) | {"response_format": {"type": "json_object"}}


def _instruction(prompt: str, _: str, schema: Json) -> Json:
    rule = "Answer with one JSON object that is valid against this JSON Schema, and nothing else:"
    return _messages(f"{prompt}\n\n{rule}\n{json.dumps(schema)}")


def _messages(prompt: str) -> Json:
    return {"messages": [{"role": "user", "content": prompt}]}


_FORMS: tuple[Callable[[str, str, Json], Json], ...] = (_json_schema, _json_object, _instruction)
"""The ways to request an object, the strictest first."""


class LLM:
    """Client for chat completions of one model."""

    def __init__(self, settings: Settings) -> None:
        """Open an HTTP client with the API key as bearer token."""
        self.model = settings.llm_model
        self._form = 0  # the strictest form that the server has not refused
        self._client = open_client(
            base_url=settings.llm_url,
            headers={"Authorization": f"Bearer {settings.llm_api_key.get_secret_value()}"},
            timeout=settings.outside_timeout_seconds,
        )

    def complete(self, prompt: str, *, name: str, schema: Json) -> Json:
        """Return the model's answer as an object that is valid against `schema`.

        A server that does not support a JSON schema is requested again with a weaker form.

        Raises:
            TransientError: The service fails for now, or its answer is not valid.
            PermanentError: The service refuses the request.
        """
        response = self._request(prompt, name, schema)
        url = response.request.url
        try:
            data = completion(response.content, f"POST {url.host}{url.path}")
            metrics.add_token_usage(data.get("usage"))
            return answer_of(data, schema)
        except UnusableAnswerError as error:
            raise UnusableAnswerError(f"LLM: request {name!r}: {error}") from error

    def _request(self, prompt: str, name: str, schema: Json) -> httpx.Response:
        for number in range(self._form, len(_FORMS)):
            body = {"model": self.model, **_FORMS[number](prompt, name, schema)}
            response = send_request(self._client, "POST", _PATH, json=body)
            if not _is_unsupported(response):
                break
            self._form = min(number + 1, len(_FORMS) - 1)
        return raise_for_status(response)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _is_unsupported(response: httpx.Response) -> bool:
    """Return whether the server refuses the form of the request, not its content."""
    if response.status_code in _REFUSALS:
        return bool(_UNSUPPORTED.search(response.content))
    if not response.is_success or b'"error"' not in response.content:
        return False
    try:
        data = json.loads(response.content)
    except (ValueError, RecursionError):
        return False
    error = data.get("error") if isinstance(data, dict) else None
    return bool(error and _UNSUPPORTED.search(json.dumps(error).encode()))
