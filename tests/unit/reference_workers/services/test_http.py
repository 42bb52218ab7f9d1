from __future__ import annotations

import httpx
import pytest

from reference_workers.errors import PermanentError, TransientError
from reference_workers.services.http import fetch_json, is_retryable, send_request
from reference_workers.services.webhook import Webhook, signature
from reference_workers.services.zulip import Zulip
from reference_workers.settings import Settings
from trackproof.testbed.stand_ins import sign


def answering(response: httpx.Response | Exception) -> httpx.Client:
    """Return a client to whom everything is answered with `response`."""

    def answer(_: httpx.Request) -> httpx.Response:
        if isinstance(response, Exception):
            raise response
        return response

    return httpx.Client(transport=httpx.MockTransport(answer))


def test_only_what_may_pass_is_retryable() -> None:
    retryable = {status for status in range(100, 600) if is_retryable(status)}

    assert retryable == {408, 425, 429, *range(500, 600)}


@pytest.mark.parametrize("url", ["not a url", "ftp://webhook.test/x", "http://[::1", "/hooks"])
def test_a_url_that_makes_no_sense_is_final(url: str) -> None:
    webhook = Webhook(Settings())

    with pytest.raises(PermanentError, match="invalid URL"):
        webhook.send(url, b"{}", event="e", retry=0, timestamp=1, secret=None)
    webhook.close()


def test_a_fleet_without_a_zulip_server_does_not_try_for_ever() -> None:
    zulip = Zulip(Settings(zulip_url=""))

    with pytest.raises(PermanentError, match="invalid URL"):
        zulip.post("meetings", "topic", "content")
    zulip.close()


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("cut"),
        httpx.RemoteProtocolError("cut"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_answer_may_be_one_next_time(error: Exception) -> None:
    with answering(error) as client, pytest.raises(TransientError, match="no answer") as caught:
        send_request(client, "GET", "https://service.test/path?token=secret")

    assert str(caught.value).startswith("GET service.test/path:")
    assert "secret" not in str(caught.value)


def test_a_refusal_names_the_place_and_not_the_query() -> None:
    with (
        answering(httpx.Response(403, text="secret body")) as client,
        pytest.raises(PermanentError) as caught,
    ):
        fetch_json(client, "GET", "https://service.test/path?token=secret")

    assert str(caught.value) == "GET service.test/path: answered 403"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'"text"', b"\xff"])
def test_an_answer_that_is_no_object_is_asked_for_again(body: bytes) -> None:
    with (
        answering(httpx.Response(200, content=body)) as client,
        pytest.raises(TransientError, match="the response is not"),
    ):
        fetch_json(client, "GET", "https://service.test/")


def test_the_signature_is_the_one_receivers_expect() -> None:
    body = '{"name": "李小龍"}'.encode()

    assert signature("s3cret", 1_700_000_000, body) == sign("s3cret", body, 1_700_000_000)
