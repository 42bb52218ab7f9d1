"""Mutants of transcribe_track."""

from __future__ import annotations

from typing import Any

from reference_workers.errors import PermanentError
from reference_workers.workers import Worker
from tests.mutants.model import Collection
from tests.mutants.patches import around, change_input, change_output, replace

TASK = "transcribe_track"

mutant = Collection(TASK)


@mutant("calls-modal")
def asked_twice() -> None:
    """The transcription service is called twice for each track."""

    def make(ask: Any) -> Any:
        def twice(self: Any, *args: Any, **more: Any) -> Any:
            ask(self, *args, **more)
            return ask(self, *args, **more)

        return twice

    replace("services.modal:Modal", "transcribe", make)


@mutant("calls-modal")
def always_english() -> None:
    """The language is always English."""
    change_input(TASK, lambda given: given.update(language="en"))


@mutant("speaker")
def first_speaker_for_all() -> None:
    """Every word has speaker 0."""

    def given_away(out: dict[str, Any]) -> None:
        for word in out["words"]:
            word["speaker"] = 0

    change_output(TASK, given_away)


@mutant("speaker")
def speakers_from_one() -> None:
    """Speakers count from 1."""

    def shifted(out: dict[str, Any]) -> None:
        for word in out["words"]:
            word["speaker"] += 1

    change_output(TASK, shifted)


@mutant("speaker")
def space_before_words() -> None:
    """A leading space of a word is kept."""

    def spaced(out: dict[str, Any]) -> None:
        for word in out["words"]:
            word["word"] = f" {word['word']}"

    change_output(TASK, spaced)


@mutant("sorted")
def order_of_the_service() -> None:
    """The words are not sorted by start."""
    # A rotation of the sorted words is a deterministic wrong order.
    change_output(TASK, lambda out: out.update(words=out["words"][1:] + out["words"][:1]))


@mutant("sorted")
def sorted_by_text() -> None:
    """Words are sorted by their text."""
    change_output(
        TASK, lambda out: out.update(words=sorted(out["words"], key=lambda word: word["word"]))
    )


@mutant("empty")
def silence_is_a_failure() -> None:
    """A track without speech fails the task."""

    def make(work: Worker) -> Worker:
        def demanding(context: Any, **inputs: Any) -> dict[str, Any]:
            output = work(context, **inputs)
            if not output["words"]:
                raise PermanentError("no words")
            return output

        return demanding

    around(TASK, make)


@mutant("empty")
def silence_is_a_word() -> None:
    """A track without speech returns one made-up word."""

    def filled(out: dict[str, Any]) -> None:
        if not out["words"]:
            speaker = out["track_index"]
            out["words"] = [{"word": "[silence]", "start": 0.0, "end": 0.0, "speaker": speaker}]

    change_output(TASK, filled)


@mutant("large-meeting")
def long_tracks_cut() -> None:
    """Words after the first 5,000 are dropped."""
    change_output(TASK, lambda out: out.update(words=out["words"][:5_000]))


@mutant("unusable-times")
def untimed_word_is_an_error() -> None:
    """A word without times fails the task."""

    def strict(_: Any) -> Any:
        def words(answer: dict[str, Any]) -> list[dict[str, Any]]:
            return [
                {name: one[name] for name in ("word", "start", "end")}
                for one in sorted(answer["words"], key=lambda one: float(one["start"]))
            ]

        return words

    replace("workers.transcribe_track", "recognised_words", strict)


@mutant("unusable-times")
def untimed_word_is_dropped() -> None:
    """A word without times is left out."""

    def make(right: Any) -> Any:
        def timed(answer: dict[str, Any]) -> Any:
            words = [one for one in answer["words"] if isinstance(one.get("start"), float)]
            return right({**answer, "words": words})

        return timed

    replace("workers.transcribe_track", "recognised_words", make)


@mutant("unusable-times")
def untimed_word_comes_first() -> None:
    """A word without times starts at 0."""
    replace("services.recognised_words", "_gap", lambda _: lambda *_: (0.0, 0.0))


@mutant("clean-text")
def text_as_it_comes() -> None:
    """Text is not cleaned."""
    for module in ("text", "services.recognised_words"):
        replace(module, "clean_text", lambda _: lambda text: text)


@mutant("clean-text")
def markup_removed() -> None:
    """Angle brackets are removed from words."""
    change_output(TASK, lambda out: [w.update(word=w["word"].strip("<>")) for w in out["words"]])
