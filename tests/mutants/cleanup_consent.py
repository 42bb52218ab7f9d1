"""Mutants of cleanup_consent."""

from __future__ import annotations

from typing import Any

from reference_workers.errors import TransientError
from reference_workers.platform.state.models import Transcript
from reference_workers.services.storage import Storage
from reference_workers.workers import Worker
from tests.mutants.model import Collection
from tests.mutants.patches import around, change_column, replace

TASK = "cleanup_consent"

mutant = Collection(TASK)


@mutant("everybody")
def last_answer_ignored() -> None:
    """The answer of the last participant is ignored."""
    replace(
        "platform.state.repository:State",
        "consents",
        lambda ask: lambda self, transcript_id: ask(self, transcript_id)[:-1],
    )


@mutant("everybody")
def majority_decides() -> None:
    """Audio is deleted only if a majority denies consent."""

    def make(ask: Any) -> Any:
        def counted(self: Any, transcript_id: str) -> Any:
            answers = ask(self, transcript_id)
            denied = [answer for answer in answers if not answer.granted]
            return answers if len(denied) * 2 > len(answers) else []

        return counted

    replace("platform.state.repository:State", "consents", make)


def _spare(spared: Any) -> None:
    delete = Storage.delete

    def picky(self: Storage, key: str, **more: Any) -> None:
        if not spared(key):
            delete(self, key, **more)

    Storage.delete = picky  # type: ignore[method-assign]


@mutant("deletes")
def raw_tracks_stay() -> None:
    """The raw tracks are not deleted."""
    _spare(lambda key: "cam-audio" in key)


@mutant("deletes")
def padded_tracks_stay() -> None:
    """The padded tracks are not deleted."""
    _spare(lambda key: "padded_track_" in key)


@mutant("deletes")
def mixdown_stays() -> None:
    """The mixdown is not deleted."""
    _spare(lambda key: key.endswith("/audio.mp3"))


@mutant("deletes")
def said_and_not_done() -> None:
    """The output reports a deletion that does not happen."""
    _spare(lambda _: True)


@mutant("keeps")
def always_deletes() -> None:
    """Audio is deleted although all participants consent."""

    def make(ask: Any) -> Any:
        def turned(self: Any, transcript_id: str) -> Any:
            answers = ask(self, transcript_id)
            for answer in answers:
                answer.granted = False
            return answers

        return turned

    replace("platform.state.repository:State", "consents", make)


@mutant("flag")
def flag_forgotten() -> None:
    """The transcript's audio_deleted is never set."""
    change_column(Transcript.audio_deleted, lambda _: False)


@mutant("idempotent")
def second_run_fails() -> None:
    """Deleting audio a second time fails the task."""

    def make(work: Worker) -> Worker:
        def strict(context: Any, *, transcript_id: str) -> dict[str, Any]:
            if context.clients.state.transcript(transcript_id).audio_deleted:
                raise ValueError("no audio to delete")
            return work(context, transcript_id=transcript_id)

        return strict

    around(TASK, make)


@mutant("idempotent")
def second_run_says_otherwise() -> None:
    """The second run reports that no audio was deleted."""

    def make(work: Worker) -> Worker:
        def forgetful(context: Any, *, transcript_id: str) -> dict[str, Any]:
            if context.clients.state.transcript(transcript_id).audio_deleted:
                return {"audio_deleted": False, "reason": None}
            return work(context, transcript_id=transcript_id)

        return forgetful

    around(TASK, make)


@mutant("large-meeting")
def first_page_of_answers_only() -> None:
    """Only the first 100 consent answers are read."""
    replace(
        "platform.state.repository:State",
        "consents",
        lambda right: lambda self, transcript_id: right(self, transcript_id)[:100],
    )


@mutant("outage")
def outage_taken_for_deleted() -> None:
    """Audio that S3 does not delete is reported as deleted."""

    def make(work: Worker) -> Worker:
        def sure(context: Any, **inputs: Any) -> dict[str, Any]:
            try:
                return work(context, **inputs)
            except TransientError:
                return {"audio_deleted": True, "reason": "consent denied"}

        return sure

    around(TASK, make)
