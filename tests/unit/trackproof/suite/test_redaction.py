"""Keys and signatures are removed from texts at any depth."""

from __future__ import annotations

import pytest

from tests.unit.trackproof.report import run_events
from trackproof.suite.redaction import redacted, redacted_parts, secrets_in


@pytest.mark.parametrize(
    "query", ["X-Amz-Signature=abc", "a=1&X-Goog-Signature=abc", "sv=1&sig=abc", "Signature=abc"]
)
def test_a_signed_query_is_removed(query: str) -> None:
    assert redacted(f"GET http://s3/a.webm?{query} 403", ()) == "GET http://s3/a.webm?<signed> 403"


def test_a_plain_query_stays() -> None:
    assert redacted("GET http://s3/a?design=1: 403", ()) == "GET http://s3/a?design=1: 403"


def test_every_text_of_a_timeline_is_redacted() -> None:
    attempt = run_events.attempt("pad_track_0", 1.0, reason="key hunter2hunter2 refused")
    timeline = run_events.timeline(attempt, cause="hunter2hunter2")

    clean = redacted_parts(timeline, ["hunter2hunter2"])

    assert clean.cause == "<secret>"
    assert clean.attempts[0].reason == "key <secret> refused"
    assert clean.attempts[0].began == 1.0


def test_secrets_of_an_environment_are_known_by_their_names() -> None:
    environment = {
        "OPENAI_API_KEY": "sk-1234567890",
        "db_password": "correct horse",
        "LLM_URL": "http://localhost:1234",
        "S3_KEY_PREFIX": "a/",
    }

    assert secrets_in(environment) == ("sk-1234567890", "correct horse")
