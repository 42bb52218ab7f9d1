"""Client for an OpenAI-compatible LLM with JSON-schema responses."""

from __future__ import annotations

import json
from typing import Any

import httpx
import jsonschema_rs

from reference_workers import metrics, tls
from reference_workers.errors import TransientError
from reference_workers.services.http import fetch_json
from reference_workers.settings import Settings


class LLM:
    """Client for chat completions of one model."""

    def __init__(self, settings: Settings) -> None:
        """Open an HTTP client with the API key as bearer token."""
        self.model = settings.llm_model
        self._client = httpx.Client(
            base_url=settings.llm_url,
            headers={"Authorization": f"Bearer {settings.llm_api_key.get_secret_value()}"},
            timeout=settings.outside_timeout_seconds,
            verify=tls.context(),
        )

    def complete(self, prompt: str, *, name: str, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the model's answer as an object that is valid against `schema`.

        Raises:
            TransientError: The service fails for now, or its answer is not valid.
            PermanentError: The service refuses the request.
        """
        data = fetch_json(
            self._client,
            "POST",
            "chat/completions",
            json={
                "model": self.model,
                "messages": [{"role": "user", "content": prompt}],
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": name, "strict": True, "schema": schema},
                },
            },
        )
        metrics.add_token_usage(data.get("usage"))
        try:
            answer = json.loads(data["choices"][0]["message"]["content"])
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise TransientError(f"LLM: the answer to {name!r} is not a JSON completion") from error
        if not isinstance(answer, dict) or not jsonschema_rs.is_valid(schema, answer):
            raise TransientError(f"LLM: the answer to {name!r} does not match the schema")
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
