"""Mutants of the pipeline that show only when updates fail, work is long, or the fleet ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from typing import Any

from conductor.client.http.rest import ApiException

from reference_workers.workers import Worker
from tests.mutants.model import Collection
from tests.mutants.patches import around, change_output, replace

mutant = Collection("pipeline")


@mutant("lost-update")
def lost_result_is_dropped() -> None:
    """A lost result is not sent again, and the server's retry emits every event again."""

    def make(update: Any) -> Any:
        def dropping(self: Any, body: Any, **more: Any) -> Any:
            try:
                return update(self, body, **more)
            except ApiException as error:
                if "not supported" in str(error.body):
                    raise
                return None

        return dropping

    replace("runner:CompatibleTaskResourceApi", "_update_once", make)
    replace(
        "platform.state.unit_of_work:UnitOfWork",
        "_event_id",
        lambda _: lambda *_: str(uuid.uuid4()),
    )


@mutant("late-result")
def retry_posts_anew() -> None:
    """A retry of post_zulip posts a new message."""

    def make(work: Worker) -> Worker:
        def forgetful(context: Any, *, transcript_id: str) -> dict[str, Any]:
            if context.attempt:
                with context.unit_of_work(transcript_id) as unit:
                    unit.transcript.zulip_message_id = None
            return work(context, transcript_id=transcript_id)

        return forgetful

    around("post_zulip", make)


@mutant("late-result")
def retry_broadcasts_again() -> None:
    """A retry of finalize broadcasts STATUS again."""

    def make(work: Worker) -> Worker:
        def telling(context: Any, **inputs: Any) -> dict[str, Any]:
            output = work(context, **inputs)
            if context.attempt:
                with context.unit_of_work(inputs["transcript_id"]) as unit:
                    unit.emit("STATUS", {"value": "ended"}, identity=str(context.attempt))
            return output

        return telling

    around("finalize", make)


@mutant("heartbeat")
def no_heartbeat() -> None:
    """Workers never extend their leases."""

    def make(init: Any) -> Any:
        def without(self: Any, *args: Any) -> None:
            init(self, *args)
            self.lease_extend_enabled = False

        return without

    replace("runner:ContractWorker", "__init__", make)


@mutant("drain")
def ends_at_once() -> None:
    """SIGTERM ends the fleet in the middle of its tasks."""
    replace("runner:FleetRunner", "stop", lambda _: lambda self: os._exit(0))


@mutant("drain")
def polls_on_while_it_drains() -> None:
    """After SIGTERM the fleet polls on for 6 s."""

    def make(stop: Any) -> Any:
        def late(self: Any) -> None:
            time.sleep(6)
            stop(self)

        return late

    replace("runner:FleetRunner", "stop", make)


POLL_FOR_A_MINUTE = """
import os, time, urllib.request
url = os.environ["CONDUCTOR_SERVER_URL"] + "/tasks/poll/batch/get_participants?workerid=orphan"
for _ in range(600):
    urllib.request.urlopen(url).read()
    time.sleep(0.1)
"""


@mutant("orphans")
def a_child_polls_on() -> None:
    """A poller in a child process outlives the fleet."""

    def make(stop: Any) -> Any:
        def leaving(self: Any) -> None:
            stop(self)
            subprocess.Popen([sys.executable, "-c", POLL_FOR_A_MINUTE])

        return leaving

    replace("runner:FleetRunner", "stop", make)


@mutant("payloads")
def words_are_returned_twice() -> None:
    """merge_transcripts returns the words by speaker too."""

    def by_speaker(out: dict[str, Any]) -> None:
        speakers: dict[str, list[Any]] = {}
        for word in out["all_words"]:
            speakers.setdefault(str(word["speaker"]), []).append(word)
        out["words_by_speaker"] = speakers

    change_output("merge_transcripts", by_speaker)
