"""Mutants of merge_transcripts."""

from __future__ import annotations

from typing import Any

from reference_workers.platform.state.models import Transcript
from reference_workers.platform.state.unit_of_work import UnitOfWork
from tests.mutants.model import Collection
from tests.mutants.patches import (
    change_column,
    change_event,
    change_input,
    change_output,
    drop_event,
)

TASK = "merge_transcripts"

mutant = Collection(TASK)


def _branches(given: dict[str, Any]) -> list[dict[str, Any]]:
    transcripts = given["transcripts"]
    return list(transcripts.values() if isinstance(transcripts, dict) else transcripts)


@mutant("all-words")
def last_branch_lost() -> None:
    """The words of the last branch are dropped."""
    change_input(TASK, lambda given: given.update(transcripts=_branches(given)[:-1]))


@mutant("all-words")
def equal_starts_merged() -> None:
    """Only one of several words with the same start is kept."""

    def thinned(out: dict[str, Any]) -> None:
        words = list({word["start"]: word for word in out["all_words"]}.values())
        out.update(all_words=words, word_count=len(words))

    change_output(TASK, thinned)


@mutant("all-words")
def count_of_branches() -> None:
    """word_count is not the number of words."""
    change_output(TASK, lambda out: out.update(word_count=out["word_count"] + 1))


@mutant("sorted")
def branch_after_branch() -> None:
    """The words are concatenated branch by branch."""

    def by_speaker(out: dict[str, Any]) -> None:
        out["all_words"].sort(key=lambda word: (word["speaker"], word["start"]))

    change_output(TASK, by_speaker)


@mutant("sorted")
def sorted_by_end() -> None:
    """The words are sorted by end."""
    change_output(TASK, lambda out: out["all_words"].sort(key=lambda word: word["end"]))


@mutant("sorted")
def sorted_as_text() -> None:
    """Times are compared as text, with 10.0 before 2.0."""
    change_output(TASK, lambda out: out["all_words"].sort(key=lambda word: str(word["start"])))


@mutant("sorted")
def ties_by_arrival() -> None:
    """Words with the same start are in reverse order of speaker."""

    def unstable(out: dict[str, Any]) -> None:
        out["all_words"].sort(key=lambda word: (word["start"], -word["speaker"]))

    change_output(TASK, unstable)


@mutant("speakers")
def speaker_by_arrival() -> None:
    """Speakers are numbered in the order of their first words."""

    def renumbered(out: dict[str, Any]) -> None:
        order = list(dict.fromkeys(word["speaker"] for word in out["all_words"]))
        out["all_words"] = [
            {**word, "speaker": order.index(word["speaker"])} for word in out["all_words"]
        ]

    change_output(TASK, renumbered)


@mutant("event")
def text_cut_short() -> None:
    """TRANSCRIPT contains only the first words."""
    change_event("TRANSCRIPT", lambda data: {**data, "text": " ".join(data["text"].split()[:5])})


@mutant("event", "stored-event")
def event_forgotten() -> None:
    """TRANSCRIPT is never emitted."""
    drop_event("TRANSCRIPT")


@mutant("stored-event")
def event_of_another_transcript() -> None:
    """TRANSCRIPT is stored without its text."""
    emit = UnitOfWork.emit

    def emptied(self: UnitOfWork, name: str, data: dict[str, Any], *rest: Any, **more: Any) -> None:
        emit(self, name, {} if name == "TRANSCRIPT" else data, *rest, **more)

    UnitOfWork.emit = emptied  # type: ignore[assignment, method-assign]


@mutant("large-meeting")
def long_tracks_cut() -> None:
    """Only the first 1,000 words of each track are merged."""
    change_input(
        TASK,
        lambda given: given.update(
            transcripts=[{**one, "words": one["words"][:1_000]} for one in _branches(given)]
        ),
    )


@mutant("stored")
def words_not_stored() -> None:
    """The words are returned and broadcast but not stored."""
    change_column(Transcript.words, lambda _: None)


@mutant("stored")
def stored_without_speakers() -> None:
    """The stored words all have the first speaker."""
    change_column(Transcript.words, lambda words: [{**word, "speaker": 0} for word in words])
