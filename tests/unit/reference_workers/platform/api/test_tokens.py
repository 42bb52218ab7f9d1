from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError
from starlette.requests import HTTPConnection

from reference_workers.platform.api.ids import is_id
from reference_workers.platform.api.server import UnsafeBindError, uvicorn_config
from reference_workers.platform.api.tokens import Tokens, bearer_token, is_local, is_local_request
from reference_workers.settings import Settings

FIRST, SECOND = "first-token-of-ours", "second-token-of-ours"


def test_only_the_tokens_are_accepted() -> None:
    tokens = Tokens([SecretStr(FIRST), SecretStr(SECOND)])

    assert tokens.accept(FIRST)
    assert tokens.accept(SECOND)
    for other in (None, "", FIRST[:-1], FIRST + " ", FIRST + SECOND, "é", "\ud800"):
        assert not tokens.accept(other)


def test_without_tokens_nothing_is_accepted() -> None:
    assert not Tokens([])
    assert not Tokens([]).accept("")


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic abc", None),
        ("abc", None),
        ("", None),
    ],
)
def test_bearer_tokens_are_parsed(header: str, token: str | None) -> None:
    assert bearer_token({"authorization": header}) == token
    assert bearer_token({}) is None


def test_only_loopback_is_local() -> None:
    loopback = {"127.0.0.1", "127.9.9.9", "::1", "localhost", "LocalHost"}
    others = {"0.0.0.0", "::", "10.0.0.1", "localhost.evil.test", "", "127.1"}

    assert {host for host in loopback | others if is_local(host)} == loopback


@pytest.mark.parametrize(
    ("client", "host", "is_here"),
    [
        ("127.0.0.1", "127.0.0.1:8010", True),
        ("::1", "[::1]:8010", True),
        ("127.0.0.1", "localhost", True),
        ("10.0.0.7", "127.0.0.1:8010", False),
        ("127.0.0.1", "rebound.evil.test:8010", False),
        ("127.0.0.1", "[broken", False),
        ("127.0.0.1", "", False),
    ],
)
def test_a_local_request_has_a_loopback_address_and_host(
    client: str, host: str, is_here: bool
) -> None:
    scope = {
        "type": "http",
        "scheme": "http",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", host.encode())],
        "client": (client, 1),
        "server": ("10.9.9.9", 8010),
    }

    assert is_local_request(HTTPConnection(scope)) is is_here


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "api.test"])
def test_listening_beyond_loopback_requires_tokens(host: str) -> None:
    with pytest.raises(UnsafeBindError, match=r"only with tokens\. Hint: set API_TOKENS"):
        uvicorn_config(Settings(api_host=host))

    assert uvicorn_config(Settings(api_host=host, api_tokens=(SecretStr(FIRST),))).host == host


def test_tokens_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKENS", f" {FIRST}, {SECOND},")

    settings = Settings()

    assert [token.get_secret_value() for token in settings.api_tokens] == [FIRST, SECOND]
    assert FIRST not in repr(settings)


@pytest.mark.parametrize("token", ["short", "with-an-umlaut-ä-in-it", "with\x01control-characters"])
def test_a_weak_token_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("API_TOKENS", f"{FIRST},{token}")

    with pytest.raises(ValidationError, match="at least 16 printable ASCII characters") as refusal:
        Settings()
    assert FIRST not in str(refusal.value)
    assert token not in str(refusal.value)


def test_ids_are_short_and_safe() -> None:
    valid = {"transcript-1", "a", "9" * 128, "a@b:c~d=e+f.g_h"}
    paths = {"", ".", "..", "../x", "a/b", "a\\b", "%2e"}
    others = {"a b", "a\n", "-a", "ä", "a\x00", "9" * 129}

    assert {text for text in valid | paths | others if is_id(text)} == valid
