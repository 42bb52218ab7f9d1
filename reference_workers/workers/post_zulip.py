"""Post the summary to the room's Zulip topic (contract: contracts/tasks/post_zulip.yaml)."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from reference_workers.context import Context
from reference_workers.errors import TransientError
from reference_workers.platform.state import leases
from reference_workers.platform.state.models import Room, Transcript
from reference_workers.services.zulip import ELLIPSIS, MAX_CONTENT

_MENTION = re.compile(r"@(?=_?\*)")
"""The beginning of a mention: what was said in a meeting notifies nobody."""

POLL_SECONDS = 0.1
"""Between two looks whether another attempt has posted."""


def post_zulip(context: Context, *, transcript_id: str) -> dict[str, Any]:
    """Post the summary or update the earlier message; null if the room has no stream."""
    clients = context.clients
    transcript = clients.state.transcript(transcript_id)
    room = clients.state.room(transcript.room_id)
    if room is None or not room.zulip_stream:
        return {"message_id": None}

    content = _message(transcript, clients.settings.frontend_url)
    message_id = transcript.zulip_message_id
    if message_id is None or not clients.zulip.update(message_id, content):
        message_id = _post_once(context, transcript, room, content)
    return {"message_id": message_id}


def _post_once(context: Context, transcript: Transcript, room: Room, content: str) -> str:
    """Post the message, unless an earlier attempt has; return its id.

    The lease is the intent: it is released once the id is stored, so whoever finds it left behind
    searches Zulip first. Without one nothing was posted, and nothing is searched.

    Raises:
        TransientError: Another attempt is posting.
    """
    state = context.clients.state
    lease, owner = f"zulip/{transcript.id}", uuid.uuid4().hex
    is_repeated = _acquire(context, lease, owner) or context.attempt > 0
    try:
        message_id = state.transcript(transcript.id).zulip_message_id
        if message_id is None or message_id == transcript.zulip_message_id:
            message_id = _posted(context, transcript, room, content, search=is_repeated)
    except BaseException:
        leases.expire(state, lease, owner)
        raise
    leases.release(state, lease, owner)
    return message_id


def _acquire(context: Context, lease: str, owner: str) -> bool:
    """Acquire the lease; return whether another attempt has had it."""
    state, seconds = context.clients.state, context.clients.settings.outside_timeout_seconds
    deadline = time.monotonic() + seconds
    is_known = False
    while True:
        is_known = leases.exists(state, lease) or is_known
        # A holder searches and posts, each within one time-out.
        if leases.acquire(state, lease, owner, seconds=2 * seconds + 5):
            return is_known
        if time.monotonic() > deadline:
            raise TransientError("another attempt at this task is posting to Zulip")
        time.sleep(POLL_SECONDS)


def _posted(
    context: Context, transcript: Transcript, room: Room, content: str, *, search: bool
) -> str:
    """Find or post the message and store its id."""
    clients = context.clients
    stream, topic = str(room.zulip_stream), room.zulip_topic or room.name
    link = _link(transcript, clients.settings.frontend_url)
    found = clients.zulip.find(stream, link) if search else None
    message_id = found or clients.zulip.post(stream, topic, content)
    with context.unit_of_work(transcript.id) as unit:
        unit.transcript.zulip_message_id = message_id
    return message_id


def _link(transcript: Transcript, frontend_url: str) -> str:
    """Return the link that ends every message about a transcript, and no other one."""
    return f"[Transcript]({frontend_url}/transcripts/{transcript.id})"


def _message(transcript: Transcript, frontend_url: str) -> str:
    """Return the message within Zulip's limit; the link is never cut off."""
    link = f"\n\n{_link(transcript, frontend_url)}"
    text = "\n\n".join(
        [f"### {transcript.title}", transcript.short_summary or "", transcript.long_summary or ""]
    )
    text = _MENTION.sub("@\N{ZERO WIDTH SPACE}", text)
    free = MAX_CONTENT - len(link)
    return (text if len(text) <= free else text[: free - 1] + ELLIPSIS) + link
