"""An OpenAI-compatible LLM that is asked for answers in a given JSON schema."""

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
    """Chat completions."""

    def __init__(self, settings: Settings) -> None:
        """Open a client for one model."""
        self.model = settings.llm_model
        self._client = httpx.Client(
            base_url=settings.llm_url,
            headers={"Authorization": f"Bearer {settings.llm_api_key.get_secret_value()}"},
            timeout=settings.outside_timeout_seconds,
            verify=tls.context(),
        )

    def complete(self, prompt: str, *, name: str, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the model's answer as an object that fits `schema`.

        Raises:
            TransientError: The service fails for now, or its answer does not fit.
            PermanentError: The service refuses.
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
            raise TransientError(f"LLM: the answer to {name!r} is no JSON completion") from error
        if not isinstance(answer, dict) or not jsonschema_rs.is_valid(schema, answer):
            raise TransientError(f"LLM: the answer to {name!r} does not fit the schema asked for")
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
