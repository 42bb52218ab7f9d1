from __future__ import annotations

import pytest

from reference_workers.platform.redaction import Redactor, secrets_of
from reference_workers.settings import Settings

CANARIES = {
    "daily_api_key": "canary-daily",
    "transcript_modal_api_key": "canary-modal",
    "llm_api_key": "canary-llm",
    "zulip_api_key": "canary-zulip",
    "s3_secret_access_key": "canary-s3",
}
TOKENS = ("canary-token-of-ours", "canary-token-of-old")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET https://s3.test/a?X-Amz-Signature=5ecret failed", "GET https://s3.test/a?… failed"),
        ("postgresql+psycopg://fleet:5ecret@db.test/x", "postgresql+psycopg://…@db.test/x"),
        ("redis://:5ecret@cache.test:6379/0", "redis://…@cache.test:6379/0"),
        ("Authorization: Bearer sk-5ecret", "Authorization: Bearer …"),
        ("{'authorization': 'Basic dTpw5ecret=='}", "{'authorization': 'Basic …'}"),
        ("query X-Amz-Signature=5ecret&X-Amz-Credential=5ecret/2", None),
        ("HTTPS://S3.TEST/A?sig=5ecret", "HTTPS://S3.TEST/A?…"),
        ("the key is 5ecret-key.", "the key is …."),
        ("why? because of https://s3.test/a.webm", "why? because of https://s3.test/a.webm"),
        ("mail ada@example.org", "mail ada@example.org"),
    ],
)
def test_a_text_loses_its_secrets_and_nothing_else(text: str, shown: str | None) -> None:
    redacted = Redactor(["5ecret-key"])(text)

    assert "5ecret" not in redacted
    assert shown is None or redacted == shown


def test_what_holds_another_secret_is_hidden_whole() -> None:
    assert Redactor(["5ecret", "5ecret-and-more"])("a 5ecret-and-more b") == "a … b"


def test_a_secret_too_short_to_be_one_hides_no_words() -> None:
    assert Redactor(["", "a", "test"])("a test") == "a test"


def test_every_secret_that_a_deployment_is_given_is_known() -> None:
    settings = Settings(
        **CANARIES,  # type: ignore[arg-type]  # pydantic makes secrets of them
        database_url="postgresql+psycopg://fleet:canary%2Fdatabase@db.test/fleet",
        redis_url="redis://:canary-redis@cache.test:6379/0",
        api_tokens=TOKENS,  # type: ignore[arg-type]  # of these too
    )

    assert set(secrets_of(settings)) == {
        *CANARIES.values(),
        *TOKENS,
        "canary/database",
        "canary-redis",
    }


def test_a_deployment_without_secrets_has_none() -> None:
    assert secrets_of(Settings(database_url="sqlite:///state.db")) == []
