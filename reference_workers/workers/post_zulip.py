"""Post the summary to the room's Zulip topic (contract: contracts/tasks/post_zulip.yaml)."""

from __future__ import annotations

import re
from typing import Any

from reference_workers.context import Context
from reference_workers.platform.state.models import Transcript
from reference_workers.services.zulip import ELLIPSIS, MAX_CONTENT

_MENTION = re.compile(r"@(?=_?\*)")
"""The beginning of a mention: what was said in a meeting notifies nobody."""


def post_zulip(context: Context, *, transcript_id: str) -> dict[str, Any]:
    """Post the summary or update the earlier message; null if the room has no stream."""
    clients = context.clients
    transcript = clients.state.transcript(transcript_id)
    room = clients.state.room(transcript.room_id)
    if room is None or not room.zulip_stream:
        return {"message_id": None}

    topic = room.zulip_topic or room.name
    content = _message(transcript, clients.settings.frontend_url)
    message_id = transcript.zulip_message_id
    if message_id is None or not clients.zulip.update(message_id, content):
        message_id = clients.zulip.post(room.zulip_stream, topic, content)
        with context.unit_of_work(transcript_id) as unit:
            unit.transcript.zulip_message_id = message_id
    return {"message_id": message_id}


def _message(transcript: Transcript, frontend_url: str) -> str:
    """Return the message within Zulip's limit; the link is never cut off."""
    link = f"\n\n[Transcript]({frontend_url}/transcripts/{transcript.id})"
    text = "\n\n".join(
        [f"### {transcript.title}", transcript.short_summary or "", transcript.long_summary or ""]
    )
    text = _MENTION.sub("@\N{ZERO WIDTH SPACE}", text)
    free = MAX_CONTENT - len(link)
    return (text if len(text) <= free else text[: free - 1] + ELLIPSIS) + link
