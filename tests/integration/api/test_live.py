from __future__ import annotations

import asyncio
import json
import shutil
import socket as sockets
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from reference_workers.errors import TransientError
from reference_workers.platform.api import server as api_server
from reference_workers.platform.api.routes import live
from reference_workers.platform.api.websocket_sender import CloseWebSocket, WebSocketSender
from reference_workers.platform.state import subscriptions
from reference_workers.settings import Settings
from tests.integration.api.api_process import SECONDS, ServedApi, serve_api
from tests.integration.api.websocket_client import closing, following, names, receive
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID
from trackproof.testbed.redis import HINT, PROGRAM, start_redis
from trackproof.wait import wait_until

TOKEN = "a-token-that-opens"


@pytest.fixture
def token_api(settings: Settings) -> Iterator[ServedApi]:
    with serve_api(settings.model_copy(update={"api_tokens": (SecretStr(TOKEN),)})) as api:
        yield api


async def test_events_are_delivered_in_the_seeds_shape(api: ServedApi) -> None:
    api.emit(TRANSCRIPT_ID, "BEFORE")
    async with following(api) as socket:
        before = await receive(socket, 1)
        await asyncio.to_thread(api.emit, TRANSCRIPT_ID, "DURING", "AFTER")
        during = await receive(socket, 2)

    assert names(before + during) == ["BEFORE", "DURING", "AFTER"]
    assert during[0] == {
        "id": during[0]["id"],
        "seq": 2,
        "event": "DURING",
        "data": {"about": "DURING"},
        "room": f"ts:{TRANSCRIPT_ID}",
    }


@pytest.mark.parametrize("place", ["query", "header"])
async def test_a_subscriber_resumes_after_its_last_id(api: ServedApi, place: str) -> None:
    api.emit(TRANSCRIPT_ID, "ONE", "TWO", "THREE")
    async with following(api) as socket:
        last_id = (await receive(socket, 2))[-1]["id"]
    api.emit(TRANSCRIPT_ID, "FOUR")

    query = f"?last_id={last_id}" if place == "query" else ""
    headers = {"Last-Event-ID": last_id} if place == "header" else {}
    async with following(api, query, additional_headers=headers) as socket:
        again = await receive(socket, 2)

    assert names(again) == ["THREE", "FOUR"]


async def test_an_unknown_last_id_starts_from_the_first_event(api: ServedApi) -> None:
    api.emit(TRANSCRIPT_ID, "ONE")
    async with following(api, "?last_id=%00another") as socket:
        assert names(await receive(socket, 1)) == ["ONE"]


@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=HINT)
async def test_events_are_delivered_by_redis(settings: Settings) -> None:
    with (
        start_redis() as server,
        serve_api(settings.model_copy(update={"redis_url": server.url})) as api,
    ):
        async with following(api) as socket:
            await asyncio.to_thread(api.emit, TRANSCRIPT_ID, "ONE", "TWO")
            assert names(await receive(socket, 2)) == ["ONE", "TWO"]


async def test_an_idle_connection_gets_heartbeats(
    api: ServedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.05)
    async with following(api) as socket:
        beats = await receive(socket, 3)
        await asyncio.to_thread(api.emit, TRANSCRIPT_ID, "ONE")
        while (after := (await receive(socket, 1))[0])["event"] == "HEARTBEAT":
            pass

    assert beats == [{"event": "HEARTBEAT", "data": {}}] * 3
    assert after["event"] == "ONE"


@pytest.mark.parametrize("transcript_id", ["unknown", "%2e%2e", "a%00b", "x" * 200, "é"])
async def test_an_unknown_transcript_is_4404(api: ServedApi, transcript_id: str) -> None:
    async with following(api, transcript_id=transcript_id) as socket:
        assert await closing(socket) == (4404, "there is no such transcript")


async def test_an_invalid_last_id_is_4400(api: ServedApi) -> None:
    async with following(api, f"?last_id={'x' * 201}") as socket:
        assert (await closing(socket))[0] == 4400


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ("https://notes.test", None),  # the frontend
        ("https://evil.test", 4403),
        ("http://notes.test", 4403),
        ("null", 4403),
    ],
)
async def test_only_the_frontends_origin_may_connect(
    api: ServedApi, origin: str, code: int | None
) -> None:
    api.emit(TRANSCRIPT_ID, "ONE")
    async with following(api, origin=origin) as socket:
        if code is None:
            assert names(await receive(socket, 1)) == ["ONE"]
        else:
            assert (await closing(socket))[0] == code


async def test_a_rebound_host_name_is_4403(api: ServedApi) -> None:
    port = api.url.rpartition(":")[2]
    url = f"ws://rebound.evil.test:{port}/ws/transcripts/{TRANSCRIPT_ID}"
    async with connect(url, host="127.0.0.1", port=int(port), proxy=None) as socket:
        assert (await closing(socket))[0] == 4403


async def test_a_token_is_accepted_in_header_and_first_message(token_api: ServedApi) -> None:
    token_api.emit(TRANSCRIPT_ID, "ONE", "TWO")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with following(token_api, additional_headers=headers) as socket:
        first = await receive(socket, 2)
    async with following(token_api) as socket:
        await socket.send(json.dumps({"token": TOKEN, "last_id": first[0]["id"]}))
        second = await receive(socket, 1)

    assert names(first + second) == ["ONE", "TWO", "TWO"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('{"token": "a-token-that-does-not"}', 4401),
        ('{"token": null}', 4401),
        ('{"token": ["a-token-that-opens"]}', 4401),
        ('{"token": "\\ud800"}', 4401),
        ("{}", 4401),
        ("[]", 4400),
        ("hello", 4400),
        ("[" * 10_000, 4400),
        (b"\x00\xff", 4400),
        (json.dumps({"token": TOKEN, "last_id": 7}), 4400),
        (json.dumps({"token": TOKEN, "last_id": "x" * 201}), 4400),
        ("x" * 20_000, 1009),
    ],
)
async def test_an_invalid_first_message_is_refused(
    token_api: ServedApi, message: Any, code: int
) -> None:
    token_api.emit(TRANSCRIPT_ID, "SECRET")
    async with following(token_api) as socket:
        await socket.send(message)
        assert (await closing(socket))[0] == code


async def test_a_wrong_header_is_refused(token_api: ServedApi) -> None:
    headers = {"Authorization": "Bearer a-token-that-does-not"}
    async with following(token_api, additional_headers=headers) as socket:
        assert (await closing(socket))[0] == 4401


async def test_a_token_in_the_query_is_ignored(
    token_api: ServedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "TOKEN_TIMEOUT_SECONDS", 0.05)
    async with following(token_api, f"?token={TOKEN}") as socket:
        assert (await closing(socket))[0] == 4401


async def test_the_number_of_subscribers_is_limited(settings: Settings) -> None:
    with serve_api(settings.model_copy(update={"api_subscribers": 1})) as api:
        api.emit(TRANSCRIPT_ID, "ONE")
        async with following(api) as first:
            await receive(first, 1)
            async with following(api) as second:
                refused = await closing(second)
        after = await asyncio.wait_for(_first_event(api), SECONDS)

    assert refused[0] == 1013
    assert after == "ONE"


async def test_only_a_subscriber_that_does_not_read_is_cut_off(
    api: ServedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SEND_TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr(api_server, "LINGER_SECONDS", 0.3)
    text, count = "x" * 100_000, 120
    async with following(api, max_size=None) as reader:
        sleeper = _connection_without_reads(api)
        with sleeper:
            reading = asyncio.create_task(receive(reader, count))
            await asyncio.to_thread(_emit_many, api, text, count)
            events = await reading
            await asyncio.to_thread(
                wait_until,
                lambda: len(_connections(api)) == 1,
                what="the connection to be closed",
                timeout=SECONDS,
                evidence=lambda: str(_connections(api)),
            )

    assert [one["seq"] for one in events] == list(range(1, count + 1))


async def test_a_subscriber_that_is_cut_off_can_read_the_reason(
    api: ServedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SEND_TIMEOUT_SECONDS", 0.3)
    count = 120
    async with following(api, max_size=None, max_queue=1) as sleeper:
        transport = sleeper.transport
        transport.pause_reading()
        seen: list[int] = []
        original = WebSocketSender.close

        async def close(sender: WebSocketSender, reason: CloseWebSocket) -> None:
            await original(sender, reason)
            seen.append(reason.code)

        monkeypatch.setattr(WebSocketSender, "close", close)
        await asyncio.to_thread(_emit_many, api, "x" * 100_000, count)
        await asyncio.to_thread(
            wait_until, lambda: seen, what="the subscriber to be cut off", timeout=SECONDS
        )
        transport.resume_reading()
        code, reason = await closing(sleeper)

    assert (code, seen) == (4008, [4008])
    assert "reconnect with your last id" in reason


async def test_a_database_failure_closes_with_1013(
    api: ServedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise TransientError("database: no connection to db.internal")

    monkeypatch.setattr(subscriptions, "read_after", fail)
    api.emit(TRANSCRIPT_ID, "ONE")
    async with following(api) as socket:
        code, reason = await closing(socket)

    assert code == 1013
    assert "reconnect with your last id" in reason
    assert "db.internal" not in reason


async def test_a_stopping_server_closes_with_1012(settings: Settings) -> None:
    with serve_api(settings) as api:
        api.emit(TRANSCRIPT_ID, "ONE")
        async with following(api) as socket:
            await receive(socket, 1)
            leaving = asyncio.create_task(closing(socket))
            await asyncio.to_thread(api.stop)
            code, _ = await leaving

    assert code == 1012


async def test_messages_of_a_subscriber_are_ignored(api: ServedApi) -> None:
    async with following(api) as socket:
        for message in ("{}", "hello", b"\x00", "x" * 10_000):
            await socket.send(message)
        await asyncio.to_thread(api.emit, TRANSCRIPT_ID, "ONE")
        assert names(await receive(socket, 1)) == ["ONE"]


async def _first_event(api: ServedApi) -> str:
    """Return the first event; the previous subscriber's slot may be released late."""
    while True:
        try:
            async with following(api) as socket:
                return names(await receive(socket, 1))[0]
        except ConnectionClosed:
            continue


def _emit_many(api: ServedApi, text: str, count: int) -> None:
    for number in range(count):
        with api.state.unit_of_work(TRANSCRIPT_ID) as unit:
            unit.emit("LARGE", {"number": number, "text": text})


def _connection_without_reads(api: ServedApi) -> sockets.socket:
    """Return a subscriber's connection that is never read."""
    host, _, port = api.url.removeprefix("http://").partition(":")
    connection = sockets.create_connection((host, int(port)))
    connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    connection.sendall(
        f"GET /ws/transcripts/{TRANSCRIPT_ID} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    assert connection.recv(12) == b"HTTP/1.1 101"
    return connection


def _connections(api: ServedApi) -> list[Any]:
    """Return the server's sides of the open WebSockets."""
    port = int(api.url.rpartition(":")[2])
    return [
        one
        for one in psutil.Process().net_connections("tcp")
        if one.laddr.port == port and one.status == psutil.CONN_ESTABLISHED
    ]
