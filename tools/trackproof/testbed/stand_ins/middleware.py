"""ASGI middleware around each stand-in: records every request and injects faults."""

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

LLM_TEXT: Final = "trackproof.llm_text"
"""Scope extension: the text that a fault puts into the LLM's answer."""

HANG_UP: Final = "trackproof.hang_up"
"""Scope extension: a callable that closes the connection without an answer."""


class ConnectionDropped(Exception):  # noqa: N818 - an injected fault, no error
    """A fault drops or drips, and an in-process call has no socket to close."""


@dataclass(frozen=True)
class StandInResponse:
    """A complete HTTP response."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class StandInMiddleware:
    """Wraps a service with the shared ledger and faults."""

    def __init__(self, service: str, app: ASGIApp, ledger: Ledger, faults: Faults) -> None:
        """Wrap `app`, recorded in the ledger as `service`."""
        self._service = service
        self._app = app
        self._ledger = ledger
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        body = await _whole_body(receive)
        if body is None:
            return  # the client disconnected before the request was complete
        request = IncomingRequest(
            method=scope["method"],
            path=scope["path"],
            query=dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True)),
            headers=tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]),
            body=body,
        )
        ticket = self._ledger.open(self._service, request, violations(self._service, request))
        fault = self._faults.take(self._service, scope["method"], scope["path"], body)
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
        if fault is not None and fault.drip:
            if HANG_UP not in scope.get("extensions", {}):
                raise ConnectionDropped  # a call in the same process cannot give up
            await _drip(answer, fault.drip, receive, send)
            return
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
            return await _call(self._app, scope, body)
        if fault.text is not None:
            extensions = {**scope.get("extensions", {}), LLM_TEXT: fault.text}
            scope = {**scope, "extensions": extensions}
        answer = await _call(self._app, scope, body) if fault.carried_out else None
        await asyncio.sleep(fault.delay)
        if fault.answers or fault.drop:
            return _fault_response(fault)
        return answer or await _call(self._app, scope, body)


async def _whole_body(receive: Receive) -> bytes | None:
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _call(app: ASGIApp, scope: Scope, body: bytes) -> StandInResponse:
    """Return the service's response; an exception in a stand-in becomes a 500 that names it."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    try:
        await app(scope, receive, send)
    except Exception as error:
        return _json_response(500, {"error": f"the stand-in failed: {error!r}"})
    start = next(message for message in sent if message["type"] == "http.response.start")
    parts = (m.get("body", b"") for m in sent if m["type"] == "http.response.body")
    return StandInResponse(start["status"], tuple(start["headers"]), b"".join(parts))


def _json_response(status: int, content: object) -> StandInResponse:
    body = json.dumps(content).encode()
    return StandInResponse(status, _entity_headers("application/json", body), body)


def _fault_response(fault: Fault) -> StandInResponse:
    status = fault.status or 200
    if fault.body is None:
        answer = _json_response(status, {"error": f"injected fault: {status}"})
    else:
        body = fault.body.encode()
        answer = StandInResponse(status, _entity_headers("application/json", body), body)
    extra = tuple((k.lower().encode(), v.encode()) for k, v in fault.headers.items())
    replaced = {name for name, _ in extra}
    headers = tuple(pair for pair in answer.headers if pair[0] not in replaced)
    return StandInResponse(status, (*headers, *extra), answer.body)


def _entity_headers(media_type: str, body: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(body)).encode()),
    )


async def _drip(answer: StandInResponse, seconds: float, receive: Receive, send: Send) -> None:
    """Send a body without end, a byte at a time, until the client closes the connection."""
    headers = [pair for pair in answer.headers if pair[0] != b"content-length"]
    headers.append((b"content-length", b"1000000"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    closed = asyncio.create_task(_wait_for_disconnect(receive))
    try:
        while not closed.done():
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
            await asyncio.wait([closed], timeout=seconds)
    finally:
        closed.cancel()


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _drop(scope: Scope, receive: Receive) -> None:
    hang_up = scope.get("extensions", {}).get(HANG_UP)
    if hang_up is None:
        raise ConnectionDropped
    hang_up()
    while (await receive())["type"] != "http.disconnect":
        pass  # returning before the socket closes would make the server answer 500


def mount(prefix: str, app: ASGIApp) -> ASGIApp:
    """Return `app` mounted at `prefix`, such as `/daily`; empty for no prefix."""

    async def stripped(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(prefix) or "/"
        await app({**scope, "path": path, "raw_path": None, "root_path": ""}, receive, send)

    return stripped
