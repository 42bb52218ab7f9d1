"""`WS /ws/transcripts/{id}`: a transcript's past and future events.

Each message is one event: `{"id", "seq", "event", "data", "room"}`. A subscriber that reconnects
with the id of its last event misses nothing. An idle connection gets a HEARTBEAT without an id.

No events are queued for a subscriber: a slow one reads older events from the database. One that
does not read at all is cut off.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from reference_workers.errors import TransientError
from reference_workers.platform.api.ids import is_id
from reference_workers.platform.api.resources import Resources, resources_of
from reference_workers.platform.api.tokens import bearer_token, is_local_request
from reference_workers.platform.api.websocket_sender import (
    CloseWebSocket,
    WebSocketSender,
    wait_first,
)
from reference_workers.platform.state.models import Transcript
from reference_workers.platform.state.repository import State

TOKEN_TIMEOUT_SECONDS = 5.0
"""Time for the first message, if it has to carry the token."""
HEARTBEAT_SECONDS = 15.0
SEND_TIMEOUT_SECONDS = 10.0
"""Time for a subscriber to read one message."""
LAST_ID_MAX_CHARACTERS = 200

HEARTBEAT = json.dumps({"event": "HEARTBEAT", "data": {}}, separators=(",", ":"))

log = structlog.get_logger()
router = APIRouter()


@router.websocket("/ws/transcripts/{transcript_id}")
async def live(socket: WebSocket, transcript_id: str) -> None:
    """Serve one subscriber until either side closes."""
    resources = resources_of(socket)
    await socket.accept()  # before any refusal: a browser shows no reason of an earlier one
    sender = WebSocketSender(socket, timeout=SEND_TIMEOUT_SECONDS)
    try:
        last_id = await _admit(socket, resources)
        if resources.subscriber_slots.locked():
            raise CloseWebSocket(1013, "too many subscribers: retry later")
        async with resources.subscriber_slots:
            await _check_transcript(resources.state, transcript_id)
            await wait_first(
                asyncio.create_task(_send_events(resources, sender, transcript_id, last_id)),
                asyncio.create_task(_send_heartbeats(sender)),
                asyncio.create_task(_wait_for_disconnect(socket)),
            )
    except CloseWebSocket as closing:
        log.info("subscription closed", code=closing.code, reason=closing.reason)
        await sender.close(closing)
    except TransientError as error:
        log.warning("subscription interrupted", cause=str(error))
        await sender.close(
            CloseWebSocket(1013, "no answer from the database: reconnect with your last id")
        )
    except WebSocketDisconnect:
        return


async def _admit(socket: WebSocket, resources: Resources) -> str | None:
    """Authenticate a subscriber and return its last event id.

    Raises:
        CloseWebSocket: The subscriber is not authorized.
        WebSocketDisconnect: The subscriber is gone.
    """
    last_id: Any = socket.headers.get("last-event-id") or socket.query_params.get("last_id")
    if resources.tokens:
        token: Any = bearer_token(socket.headers)
        if token is None:
            message = await _first_message(socket)
            token, last_id = message.get("token"), message.get("last_id", last_id)
        if not isinstance(token, str) or not resources.tokens.accept(token):
            raise CloseWebSocket(4401, "invalid token")
    elif not _is_allowed(socket, resources.settings.frontend_url):
        raise CloseWebSocket(
            4403, "without API_TOKENS only this machine and our frontend may connect"
        )
    if last_id is not None and not _is_event_id(last_id):
        raise CloseWebSocket(4400, "the last id is not the id of an event")
    event_id: str | None = last_id
    return event_id


def _is_event_id(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LAST_ID_MAX_CHARACTERS


async def _first_message(socket: WebSocket) -> dict[str, Any]:
    """Return the first message, a JSON object.

    Raises:
        CloseWebSocket: No message in time, or not a JSON object.
        WebSocketDisconnect: The subscriber is gone.
    """
    try:
        async with asyncio.timeout(TOKEN_TIMEOUT_SECONDS):
            message = await socket.receive()
    except TimeoutError:
        raise CloseWebSocket(4401, f"no token within {TOKEN_TIMEOUT_SECONDS:g} s") from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"])
    try:
        content = json.loads(message.get("text") or "")
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise CloseWebSocket(4400, "the first message must be a JSON object with a token")
    return content


def _is_allowed(socket: WebSocket, frontend_url: str) -> bool:
    """Return whether a caller without a token may connect: a local one, no foreign page.

    Browsers apply no same-origin policy to WebSockets, so that the Origin header is checked here.
    """
    if not is_local_request(socket):
        return False
    origin = socket.headers.get("origin")
    if origin is None:
        return True  # not a browser
    frontend = urlsplit(frontend_url)
    return origin == f"{frontend.scheme}://{frontend.netloc}" or (
        origin.partition("://")[2] == socket.headers.get("host")
    )


async def _check_transcript(state: State, transcript_id: str) -> None:
    """Raise CloseWebSocket if the transcript does not exist."""
    if not is_id(transcript_id) or not await run_in_threadpool(_exists, state, transcript_id):
        raise CloseWebSocket(4404, "there is no such transcript")


def _exists(state: State, transcript_id: str) -> bool:
    with state.read_session() as session:
        query = select(Transcript.id).where(Transcript.id == transcript_id)
        return session.scalars(query).first() is not None


async def _send_events(
    resources: Resources, sender: WebSocketSender, transcript_id: str, last_id: str | None
) -> None:
    events = resources.subscriptions.events_after(transcript_id, last_id)
    async with aclosing(events) as messages:
        async for message in messages:
            await sender.send(message.text)
    raise CloseWebSocket(1012, "the server is shutting down: reconnect with your last id")


async def _send_heartbeats(sender: WebSocketSender) -> None:
    while True:
        await asyncio.sleep(max(0.0, HEARTBEAT_SECONDS - sender.silence))
        if sender.silence >= HEARTBEAT_SECONDS:
            await sender.send(HEARTBEAT)


async def _wait_for_disconnect(socket: WebSocket) -> None:
    """Return when the subscriber disconnects; its messages are ignored."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
