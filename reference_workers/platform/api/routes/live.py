"""`WS /ws/transcripts/{id}`: a transcript's events as they happen, and those that were missed.

Each message is one event: `{"id", "seq", "event", "data", "room"}`. Who comes back says the id
of the last event he saw, and misses nothing. When nothing happens, a HEARTBEAT without an id
tells that the connection lives.

Nothing is queued for anybody: what a subscriber has not read yet is read for him from the
database when it is his turn. One who does not read at all is cut off after a while.
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
"""For the first message of a caller whose token is to be in it."""
HEARTBEAT_SECONDS = 15.0
SEND_TIMEOUT_SECONDS = 10.0
"""For a subscriber to make room for one message."""
LAST_ID_MAX_CHARACTERS = 200

HEARTBEAT = json.dumps({"event": "HEARTBEAT", "data": {}}, separators=(",", ":"))

log = structlog.get_logger()
router = APIRouter()


@router.websocket("/ws/transcripts/{transcript_id}")
async def live(socket: WebSocket, transcript_id: str) -> None:
    """Serve one subscriber until one of us goes."""
    resources = resources_of(socket)
    await socket.accept()  # refusals come after that: a browser shows no reason of earlier ones
    sender = WebSocketSender(socket, timeout=SEND_TIMEOUT_SECONDS)
    try:
        last_id = await _admit(socket, resources)
        if resources.subscriber_slots.locked():
            raise CloseWebSocket(1013, "there are too many subscribers: try again later")
        async with resources.subscriber_slots:
            await _check_transcript(resources.state, transcript_id)
            await wait_first(
                asyncio.create_task(_send_events(resources, sender, transcript_id, last_id)),
                asyncio.create_task(_send_heartbeats(sender)),
                asyncio.create_task(_wait_for_disconnect(socket)),
            )
    except CloseWebSocket as closing:
        log.info("a subscriber goes", code=closing.code, reason=closing.reason)
        await sender.close(closing)
    except TransientError as error:
        log.warning("a subscriber has to come back", cause=str(error))
        await sender.close(
            CloseWebSocket(1013, "no answer from the database: come back with your last id")
        )
    except WebSocketDisconnect:
        return


async def _admit(socket: WebSocket, resources: Resources) -> str | None:
    """Return the last id the caller saw, if he is somebody to be served.

    Raises:
        CloseWebSocket: He is not.
        WebSocketDisconnect: He is gone.
    """
    said: Any = socket.headers.get("last-event-id") or socket.query_params.get("last_id")
    if resources.tokens:
        token: Any = bearer_token(socket.headers)
        if token is None:
            message = await _first_message(socket)
            token, said = message.get("token"), message.get("last_id", said)
        if not isinstance(token, str) or not resources.tokens.accept(token):
            raise CloseWebSocket(4401, "this is no token of ours")
    elif not is_local_request(socket) or not _is_our_page(socket, resources.settings.frontend_url):
        raise CloseWebSocket(4403, "without tokens only this machine and our own pages are served")
    if said is not None and (not isinstance(said, str) or len(said) > LAST_ID_MAX_CHARACTERS):
        raise CloseWebSocket(4400, "the last id is not the id of an event")
    return said


async def _first_message(socket: WebSocket) -> dict[str, Any]:
    """Return the first message.

    Raises:
        CloseWebSocket: It does not come in time, or is no JSON object.
        WebSocketDisconnect: The caller is gone.
    """
    try:
        async with asyncio.timeout(TOKEN_TIMEOUT_SECONDS):
            message = await socket.receive()
    except TimeoutError:
        raise CloseWebSocket(
            4401, f"no token was said within {TOKEN_TIMEOUT_SECONDS:g} s"
        ) from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"])
    try:
        said = json.loads(message.get("text") or "")
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise CloseWebSocket(4400, "the first message has to be a JSON object with a token")
    return said


def _is_our_page(socket: WebSocket, frontend_url: str) -> bool:
    """Tell whether a browser's page may listen: any page can open a WebSocket to anywhere."""
    origin = socket.headers.get("origin")
    if origin is None:
        return True  # not a browser
    ours = urlsplit(frontend_url)
    return origin == f"{ours.scheme}://{ours.netloc}" or (
        origin.partition("://")[2] == socket.headers.get("host")
    )


async def _check_transcript(state: State, transcript_id: str) -> None:
    """Raise CloseWebSocket if there is no such transcript."""
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
    raise CloseWebSocket(1012, "we are going away: come back with your last id")


async def _send_heartbeats(sender: WebSocketSender) -> None:
    while True:
        await asyncio.sleep(max(0.0, HEARTBEAT_SECONDS - sender.silence))
        if sender.silence >= HEARTBEAT_SECONDS:
            await sender.send(HEARTBEAT)


async def _wait_for_disconnect(socket: WebSocket) -> None:
    """Return when the far side is gone; what else it says is nothing to us."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
