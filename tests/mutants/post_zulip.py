"""Mutants of post_zulip."""

from __future__ import annotations

from typing import Any

from reference_workers.errors import PermanentError, TransientError
from reference_workers.workers import Worker
from tests.mutants.model import Collection
from tests.mutants.patches import around, replace

TASK = "post_zulip"

mutant = Collection(TASK)


def _change_message(change: Any) -> None:
    def make(write: Any) -> Any:
        return lambda transcript, frontend_url: change(write(transcript, frontend_url), transcript)

    replace("workers.post_zulip", "_message", make)


@mutant("posts")
def summary_left_out() -> None:
    """The message contains only the title."""
    _change_message(lambda _, transcript: f"### {transcript.title}")


@mutant("posts")
def long_summary_left_out() -> None:
    """The message lacks the long summary."""
    _change_message(lambda text, transcript: text.replace(transcript.long_summary or "", ""))


@mutant("posts")
def topic_is_the_stream() -> None:
    """The message is posted to a topic with the stream's name."""

    def make(post: Any) -> Any:
        return lambda self, stream, topic, content: post(self, stream, stream, content)

    replace("services.zulip:Zulip", "post", make)


@mutant("posts")
def posts_without_stream() -> None:
    """For a room without a stream, the message is posted to the stream "None"."""

    def make(work: Worker) -> Worker:
        def eager(context: Any, *, transcript_id: str) -> dict[str, Any]:
            output = work(context, transcript_id=transcript_id)
            if output["message_id"] is None:
                context.clients.zulip.post("None", "None", "None")
            return output

        return eager

    around(TASK, make)


@mutant("updates")
def always_posts_anew() -> None:
    """Every run posts a new message."""
    replace("services.zulip:Zulip", "update", lambda _: lambda *args: False)


@mutant("updates")
def gone_message_is_kept() -> None:
    """The update of a deleted message is treated as a success."""

    def make(update: Any) -> Any:
        def sure(*args: Any) -> bool:
            update(*args)
            return True

        return sure

    replace("services.zulip:Zulip", "update", make)


@mutant("errors")
def failure_fails_the_meeting() -> None:
    """A failed call to Zulip sets the finished transcript to error."""

    def make(work: Worker) -> Worker:
        def blaming(context: Any, *, transcript_id: str) -> dict[str, Any]:
            try:
                return work(context, transcript_id=transcript_id)
            except (PermanentError, TransientError):
                with context.clients.state.unit_of_work(transcript_id) as unit:
                    unit.transcript.status = "error"
                raise

        return blaming

    around(TASK, make)


@mutant("stored")
def id_stored_with_a_prefix() -> None:
    """The stored message id has the prefix `zulip-`, which only the fleet itself removes."""

    def make(work: Worker) -> Worker:
        def storing(context: Any, *, transcript_id: str) -> dict[str, Any]:
            output = work(context, transcript_id=transcript_id)
            with context.unit_of_work(transcript_id) as unit:
                unit.transcript.zulip_message_id = f"zulip-{output['message_id']}"
            return output

        return storing

    around(TASK, make)

    def make_update(update: Any) -> Any:
        return lambda self, message_id, *rest: update(
            self, message_id.removeprefix("zulip-"), *rest
        )

    replace("services.zulip:Zulip", "update", make_update)


@mutant("limits")
def message_cut_off_by_zulip() -> None:
    """The message is sent at full length, and Zulip cuts off its end."""
    replace("workers.post_zulip", "MAX_CONTENT", lambda _: 1_000_000)


@mutant("refused-edit")
def gone_in_english_only() -> None:
    """A message that is gone is recognised by Zulip's English text."""

    def make(_: Any) -> Any:
        return lambda response: response.status_code == 400 and "Invalid" in response.text

    replace("services.zulip", "_is_bad_request", make)


@mutant("refused-edit")
def refused_edit_posted_anew() -> None:
    """Every refused edit counts as a message that is gone."""

    def make(update: Any) -> Any:
        def eager(self: Any, message_id: str, content: str) -> bool:
            path = f"/api/v1/messages/{message_id}"
            answer = self._client.patch(path, data={"content": content})
            return bool(answer.is_success)

        return eager

    replace("services.zulip:Zulip", "update", make)


@mutant("updates")
def topic_sent_with_the_update() -> None:
    """An update moves the message back to the room's topic."""

    def make(update: Any) -> Any:
        def moving(self: Any, message_id: str, content: str) -> bool:
            is_there: bool = update(self, message_id, content)
            if is_there:
                self._client.patch(f"/api/v1/messages/{message_id}", data={"topic": "Meetings"})
            return is_there

        return moving

    replace("services.zulip:Zulip", "update", make)
