"""Comparison of one meeting's results from two pipelines, such as a shadow run with its meeting.

It reads what the pipelines stored. What is missing on both sides is a difference too: two empty
results prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import SequenceMatcher
from typing import Any, Final

from fixtures_audio.loudness import Loudness
from trackproof.runs.equality import same_value

LOUDNESS_LU: Final = 0.5
"""Tolerance for the integrated loudness of the mixdowns, in LU, which is dB."""

AUDIO_SECONDS: Final = 0.1
"""Tolerance for the decoded duration of the mixdowns: encoders pad differently."""

SECONDS: Final = 0.02
"""Tolerance for times and durations, the suite's own for words."""

LISTED: Final = 5
"""Most words named in one difference."""

TEXTS: Final = ("title", "long_summary", "short_summary")
UNORDERED: Final = frozenset({"PIPELINE_PROGRESS", "STATUS"})
"""Events that one pipeline may emit more often than another."""

PARALLEL: Final = frozenset({"FINAL_TITLE", "FINAL_LONG_SUMMARY", "FINAL_SHORT_SUMMARY"})
"""Events of steps that the workflow runs side by side."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one pipeline made of the meeting."""

    name: str
    row: Mapping[str, Any]
    """The transcript's row, in the contracts' terms."""
    events: Sequence[str] | None = None
    """Names of its events, oldest first; None if they are not visible."""
    steps: Mapping[str, float] = field(default_factory=dict)
    """Seconds of each step, where they are known."""
    audio: Loudness | None = None
    """Of its mixdown; None if that was not measured."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field in which the two sides differ."""

    field: str
    left: Any
    right: Any
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both sides and what differs."""

    left: Side
    right: Side
    similarity: float | None
    differences: tuple[Difference, ...]
    not_compared: tuple[str, ...] = ()
    """What could not be compared, and why: `events: …`."""

    @property
    def equal(self) -> bool:
        """Whether nothing that was compared differs."""
        return not self.differences

    @property
    def verdict(self) -> str:
        """EQUAL, EQUAL IN PART (something was not compared) or DIFFERENT."""
        if self.differences:
            return "DIFFERENT"
        return "EQUAL IN PART" if self.not_compared else "EQUAL"

    @property
    def steps(self) -> list[tuple[str, float | None, float | None]]:
        """Each step with the seconds of both sides; None where a side lacks it."""
        names = dict.fromkeys([*self.left.steps, *self.right.steps])
        return [(one, self.left.steps.get(one), self.right.steps.get(one)) for one in names]

    def as_json(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {"verdict": self.verdict, "equal": self.equal, **asdict(self)}


def compare(left: Side, right: Side, *, similarity: float | None = None) -> Comparison:
    """Compare two results.

    Args:
        left: The result that counts.
        right: The result that is compared with it.
        similarity: The least share of common words, 0 to 1, of texts that an LLM wrote; None
            demands equal texts.
    """
    found = (
        *_texts(left.row, right.row, similarity),
        *_topics(left.row.get("topics"), right.row.get("topics"), similarity),
        *_words(left, right),
        *_duration(left.row.get("duration"), right.row.get("duration")),
        *_events(left.events, right.events),
        *_audio(left.audio, right.audio),
    )
    return Comparison(left, right, similarity, found, tuple(_not_compared(left, right)))


def _not_compared(left: Side, right: Side) -> Iterator[str]:
    """Yield what one of the sides does not show."""
    for name, values in (
        ("events", (left.events, right.events)),
        ("audio duration and loudness", (left.audio, right.audio)),
    ):
        if hidden := [
            side.name for side, value in zip((left, right), values, strict=True) if value is None
        ]:
            yield f"{name}: not visible for {' and '.join(hidden)}"


def _audio(left: Loudness | None, right: Loudness | None) -> Iterator[Difference]:
    if left is None or right is None:
        return
    if abs(left.duration - right.duration) > AUDIO_SECONDS:
        yield Difference("audio_duration", left.duration, right.duration)
    if left.lufs is None and right.lufs is None:
        yield Difference("loudness", None, None, "both mixdowns are silent: nothing was compared")
    elif left.lufs is None or right.lufs is None or abs(left.lufs - right.lufs) > LOUDNESS_LU:
        detail = f"integrated, in LUFS by ITU-R BS.1770; {LOUDNESS_LU:g} LU apart at most"
        yield Difference("loudness", left.lufs, right.lufs, detail)


def text_similarity(left: str, right: str) -> float:
    """Return the share of common words in order, 0 to 1."""
    words = (left.lower().split(), right.lower().split())
    return SequenceMatcher(None, *words, autojunk=False).ratio()


def _texts(left: Any, right: Any, similarity: float | None) -> Iterator[Difference]:
    for name in TEXTS:
        if difference := _text(name, left.get(name), right.get(name), similarity):
            yield difference


def _text(name: str, left: Any, right: Any, similarity: float | None) -> Difference | None:
    if not left and not right:
        return Difference(name, left, right, "missing on both sides: nothing was compared")
    if same_value(left, right):
        return None
    if similarity is None or not left or not right:
        return Difference(name, left, right)
    share = text_similarity(str(left), str(right))
    if share >= similarity:
        return None
    return Difference(name, left, right, f"similarity {share:.2f}, {similarity:.2f} at least")


def _topics(left: Any, right: Any, similarity: float | None) -> Iterator[Difference]:
    ours, theirs = left or [], right or []
    if not ours and not theirs:
        yield Difference("topics", left, right, "missing on both sides: nothing was compared")
        return
    if len(ours) != len(theirs):
        yield Difference("topic_count", len(ours), len(theirs))
        return
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        place = f"topics[{number}]"
        for name in ("title", "summary"):
            if name == "title" or one.get(name) or other.get(name):
                difference = _text(f"{place}.{name}", one.get(name), other.get(name), similarity)
                if difference:
                    yield difference
        for name in ("timestamp", "duration"):
            if not _near(one.get(name), other.get(name)):
                yield Difference(f"{place}.{name}", one.get(name), other.get(name))


def _words(left: Side, right: Side) -> Iterator[Difference]:
    ours, theirs = (list(side.row.get("words") or []) for side in (left, right))
    if not ours and not theirs:
        yield Difference("words", 0, 0, "no words on either side: nothing was compared")
        return
    if unreadable := [word for word in (*ours, *theirs) if not _is_word(word)]:
        detail = f"not all have a text and two times, such as {unreadable[0]!r:.200}"
        yield Difference("words", len(ours), len(theirs), detail)
        return
    if len(ours) != len(theirs):
        yield Difference("word_count", len(ours), len(theirs))
    missing = [word for word in ours if not _take(theirs, word)]
    if missing or theirs:
        detail = "; ".join(
            f"{what}: {', '.join(map(_named, words[:LISTED]))}"
            + (f" and {len(words) - LISTED} more" if len(words) > LISTED else "")
            for what, words in ((f"only {left.name}", missing), (f"only {right.name}", theirs))
            if words
        )
        yield Difference("words", len(missing), len(theirs), detail)


def _take(words: list[Mapping[str, Any]], wanted: Mapping[str, Any]) -> bool:
    """Remove the word that is the same by text, speaker and times; return whether there is one."""
    for index, word in enumerate(words):
        if (
            same_value(word.get("word"), wanted.get("word"))
            and word.get("speaker") == wanted.get("speaker")
            and _near(word.get("start"), wanted.get("start"))
            and _near(word.get("end"), wanted.get("end"))
        ):
            del words[index]
            return True
        if word["start"] > wanted["start"] + 1:
            return False  # the words are in order: no later one can be it
    return False


def _named(word: Mapping[str, Any]) -> str:
    return f"{word.get('word')!r} of speaker {word.get('speaker')} at {word.get('start')} s"


def _duration(left: Any, right: Any) -> Iterator[Difference]:
    if left is None and right is None:
        yield Difference("duration", left, right, "missing on both sides: nothing was compared")
    elif not _near(left, right):
        yield Difference("duration", left, right)


def _is_word(word: Any) -> bool:
    return (
        isinstance(word, Mapping)
        and isinstance(word.get("word"), str)
        and all(_is_number(word.get(name)) for name in ("start", "end"))
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _near(left: Any, right: Any) -> bool:
    if _is_number(left) and _is_number(right):
        return bool(abs(left - right) <= SECONDS)
    return same_value(left, right)


def _in_order(events: Sequence[str]) -> list[str]:
    """Return the events whose order both pipelines share, those of parallel steps sorted."""
    names = [name for name in events if name not in UNORDERED]
    parallel = iter(sorted(name for name in names if name in PARALLEL))
    return [next(parallel) if name in PARALLEL else name for name in names]


def _events(left: Sequence[str] | None, right: Sequence[str] | None) -> Iterator[Difference]:
    if left is None or right is None:
        return
    ours, theirs = (_in_order(one) for one in (left, right))
    if not ours and not theirs:
        yield Difference("events", ours, theirs, "none on either side: nothing was compared")
    elif ours != theirs:
        yield Difference("events", ours, theirs, "another order or number")
