"""Agreements of the tasks that end a meeting and deliver its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trackproof.runs.equality import same_value
from trackproof.runs.json_text import as_json
from trackproof.runs.task_run import TaskRun
from trackproof.runs.word_order import WordText
from trackproof.suite.run_rules.comparison import compare_row, compare_status, cut
from trackproof.suite.run_rules.visibility import Visibility
from trackproof.testbed.stand_ins.ledger import Request

LINK_LENGTH = 400
"""Characters at the end of a message that its link may have."""

CONTENT_LIMIT = 10_000
"""Characters of a message that Zulip keeps."""


def finalize(run: TaskRun, see: Visibility) -> Iterator[str]:
    """The row has the given result and is ended."""
    sent = run.sent
    columns = {
        "title": sent["title"],
        "long_summary": sent["summary"],
        "short_summary": sent["short_summary"],
        "duration": sent["duration"],
    }
    yield from compare_row(run, see, columns)
    yield from compare_status(run, see, "ended")


def cleanup_consent(run: TaskRun, see: Visibility) -> Iterator[str]:
    """The output says whether audio was deleted, with a reason if so; the row repeats it."""
    deleted = run.output["audio_deleted"]
    if not deleted and run.output["reason"] is not None:
        yield "audio_deleted is false, and reason is not null"
    if deleted and not run.output["reason"]:
        yield "audio_deleted is true without a reason"
    if see.requests and not deleted and run.deleted:
        yield f"audio_deleted is false, but {len(run.deleted)} objects are gone"
    if see.rows and bool(run.transcript.get("audio_deleted")) != deleted:
        yield f"column audio_deleted is {cut(run.transcript.get('audio_deleted'))}"


def post_zulip(run: TaskRun, see: Visibility) -> Iterator[str]:
    """The message is complete, and output and row have its id."""
    message_id = run.output["message_id"]
    if message_id is not None:
        yield from compare_row(run, see, {"zulip_message_id": message_id})
    if not see.requests:
        return
    writing = [one for one in run.requests_to("zulip") if one.method in {"POST", "PATCH"}]
    for request in writing:
        if content := request.form.get("content", ""):
            yield from _incomplete(run, see, content)
    if message_id is None and any(one.carried_out and one.status == 200 for one in writing):
        yield "message_id is null, though a message was sent"


def _incomplete(run: TaskRun, see: Visibility, content: str) -> Iterator[str]:
    if len(content) > CONTENT_LIMIT:
        yield f"a message has {len(content)} characters, Zulip keeps {CONTENT_LIMIT}"
    if run.sent["transcript_id"] not in content[-LINK_LENGTH:]:
        yield "a message does not end with the transcript's link"
    if not see.rows:
        return
    texts = {name: run.transcript.get(name) for name in ("title", "short_summary", "long_summary")}
    if sum(len(str(text or "")) for text in texts.values()) < CONTENT_LIMIT // 2:
        known = WordText(content)
        yield from (
            f"a message lacks the {name}: {cut(text)}"
            for name, text in texts.items()
            if text and not known.has(str(text))
        )


def send_webhook(run: TaskRun, see: Visibility) -> Iterator[str]:
    """Each attempt sent one delivery, and the output has the answer to the last."""
    if not see.requests:
        return
    requests = run.requests_to("webhook")
    if len(requests) > len(run.attempts):
        yield f"{len(requests)} requests in {len(run.attempts)} attempts"
    status, sent = run.output["status_code"], run.output["sent"]
    if not requests:
        if status is not None or sent:
            yield f"no request was sent, but sent is {as_json(sent)}, status_code {as_json(status)}"
        return
    if requests[-1].status is not None and status != requests[-1].status:
        yield f"status_code is {status}, the receiver answered {requests[-1].status}"
    if status is not None and sent != (status // 100 == 2):
        yield f"sent is {as_json(sent)} with status_code {status}"
    for request in requests:
        yield from _payload(run, see, request)


def _payload(run: TaskRun, see: Visibility, request: Request) -> Iterator[str]:
    body: Any = request.json
    sent = body.get("transcript") if isinstance(body, Mapping) else None
    if not isinstance(sent, Mapping):
        yield "a delivery has no transcript"
        return
    if sent.get("id") != run.sent["transcript_id"]:
        yield f"a delivery is of {cut(sent.get('id'))}, not of {run.sent['transcript_id']}"
    if see.rows:
        for name in ("title", "short_summary", "long_summary", "duration"):
            stored = run.transcript.get(name)
            if stored is not None and not same_value(sent.get(name), stored):
                yield f"{name} of a delivery is {cut(sent.get(name))}, the column {cut(stored)}"
