"""The door of a stand-in: every request is written down here, and meets its fault here."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trackproof.testbed.stand_ins.contract_violations import IncomingRequest, violations
from trackproof.testbed.stand_ins.faults import Fault, Faults
from trackproof.testbed.stand_ins.ledger import Ledger

HANG_UP: Final = "trackproof.hang_up"
"""Scope extension by which a server offers to close the connection without an answer."""


class ConnectionDropped(Exception):  # noqa: N818 - an event to the caller, not a mistake
    """The stand-in was told to drop the connection, and there is no socket to close."""


@dataclass(frozen=True)
class StandInResponse:
    """A whole HTTP answer."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class StandInMiddleware:
    """An ASGI app around a service: ledger and faults, the same for all of them."""

    def __init__(self, service: str, app: ASGIApp, ledger: Ledger, faults: Faults) -> None:
        """Guard `app`, which is written down as `service`."""
        self._service = service
        self._app = app
        self._ledger = ledger
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """StandInResponse one request."""
        if scope["type"] != "http":
            return
        body = await _whole_body(receive)
        if body is None:
            return  # the caller left before the request was complete
        asked = IncomingRequest(
            method=scope["method"],
            path=scope["path"],
            query=dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True)),
            headers=tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]),
            body=body,
        )
        ticket = self._ledger.open(self._service, asked, violations(self._service, asked))
        fault = self._faults.take(self._service, scope["method"], scope["path"])
        answer = await self._answer(scope, body, fault)
        if fault is not None and fault.drop:
            self._ledger.close(ticket, status=None, faulted=True, carried_out=fault.carried_out)
            await _drop(scope, receive)
            return
        self._ledger.close(
            ticket,
            status=answer.status,
            response=answer.body,
            faulted=fault is not None,
            carried_out=fault is None or fault.carried_out or not fault.answers,
        )
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": list(answer.headers),
            }
        )
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, body: bytes, fault: Fault | None) -> StandInResponse:
        if fault is None:
            return await _ask(self._app, scope, body)
        answer = await _ask(self._app, scope, body) if fault.carried_out else None
        await asyncio.sleep(fault.delay)
        if fault.answers or fault.drop:
            return _wrong_answer(fault)
        return answer or await _ask(self._app, scope, body)


async def _whole_body(receive: Receive) -> bytes | None:
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _ask(app: ASGIApp, scope: Scope, body: bytes) -> StandInResponse:
    """Return what the service answers; a mistake in a stand-in becomes a 500 that says so."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    try:
        await app(scope, receive, send)
    except Exception as error:
        return _json_answer(500, {"error": f"the stand-in itself failed: {error!r}"})
    start = next(message for message in sent if message["type"] == "http.response.start")
    parts = (m.get("body", b"") for m in sent if m["type"] == "http.response.body")
    return StandInResponse(start["status"], tuple(start["headers"]), b"".join(parts))


def _json_answer(status: int, content: object) -> StandInResponse:
    body = json.dumps(content).encode()
    return StandInResponse(status, _described("application/json", body), body)


def _wrong_answer(fault: Fault) -> StandInResponse:
    status = fault.status or 200
    if fault.body is None:
        answer = _json_answer(status, {"error": f"injected fault: {status}"})
    else:
        body = fault.body.encode()
        answer = StandInResponse(status, _described("application/json", body), body)
    extra = tuple((k.lower().encode(), v.encode()) for k, v in fault.headers.items())
    named = {name for name, _ in extra}
    kept = tuple(pair for pair in answer.headers if pair[0] not in named)
    return StandInResponse(status, (*kept, *extra), answer.body)


def _described(media_type: str, body: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(body)).encode()),
    )


async def _drop(scope: Scope, receive: Receive) -> None:
    hang_up = scope.get("extensions", {}).get(HANG_UP)
    if hang_up is None:
        raise ConnectionDropped
    hang_up()
    while (await receive())["type"] != "http.disconnect":
        pass  # returning before the socket is closed would make the server answer 500


def mount(prefix: str, app: ASGIApp) -> ASGIApp:
    """Return `app` as seen below `prefix` (like `/daily`; empty changes nothing)."""

    async def stripped(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(prefix) or "/"
        await app({**scope, "path": path, "raw_path": None, "root_path": ""}, receive, send)

    return stripped
