from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import quote, quote_plus

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
def test_only_secrets_are_redacted(text: str, shown: str | None) -> None:
    redacted = Redactor(["5ecret-key"])(text)

    assert "5ecret" not in redacted
    assert shown is None or redacted == shown


def test_the_longest_secret_is_redacted_first() -> None:
    assert Redactor(["5ecret", "5ecret-and-more"])("a 5ecret-and-more b") == "a … b"


def test_short_secrets_are_not_redacted() -> None:
    assert Redactor(["", "a", "test"])("a test") == "a test"


def test_all_secrets_of_the_settings() -> None:
    settings = Settings(
        **CANARIES,  # type: ignore[arg-type]  # pydantic converts them
        database_url="postgresql+psycopg://fleet:canary%2Fdatabase@db.test/fleet",
        redis_url="redis://:canary-redis@cache.test:6379/0",
        api_tokens=TOKENS,  # type: ignore[arg-type]  # converted too
    )

    assert set(secrets_of(settings)) == {
        *CANARIES.values(),
        *TOKENS,
        "canary/database",
        "canary-redis",
    }


def test_a_deployment_without_secrets_has_none() -> None:
    assert secrets_of(Settings(database_url="sqlite:///state.db")) == []


SECRET = "c4n@ry/key+of =the fleet"


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_within_base64_is_redacted(before: str, encode: Callable[[bytes], bytes]) -> None:
    text = f"sent {encode(f'{before}{SECRET}:after'.encode()).decode()} to"

    redacted = Redactor([SECRET])(text)

    middle = encode(SECRET.encode()).decode()[4:20]
    assert "…" in redacted
    assert middle not in redacted


@pytest.mark.parametrize("encode", [quote, quote_plus, lambda text: quote(text, safe="")])
def test_a_url_encoded_secret_is_redacted(encode: Callable[[str], str]) -> None:
    assert Redactor([SECRET])(f"key={encode(SECRET)}&x") == "key=…&x"
