"""What the LLM stand-in makes of a prompt: phrases built from words that really stand in it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

MOST_SUBJECTS: Final = 6
"""More subjects than this are never named in a list."""
_MOST_IN_A_PHRASE: Final = 12
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_TERSE = re.compile(r"title|subject|topic|name|label|heading|tag|keyword|theme", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """The words an answer is made of, in a fixed order for the same prompt."""

    tracers: tuple[str, ...]
    """The tracer words in the prompt, in the order of their first appearance."""
    words: tuple[str, ...]
    """Other words in the prompt, the most telling ones first; never empty with `tracers`."""
    digest: int
    """Stands for the whole prompt, so that different prompts are answered differently."""

    @property
    def subjects(self) -> tuple[str, ...]:
        """What a list of subjects is about: each tracer, or the most telling words."""
        return self.tracers[:MOST_SUBJECTS] or self.words[:3]

    def about(self, name: str, turn: int = 0) -> str:
        """Return a text fit for a property called `name`; `turn` counts items of one list."""
        return self.title(turn) if _TERSE.search(name) else self.summary(turn)

    def title(self, turn: int = 0) -> str:
        """Return a phrase that begins with a subject and names every other tracer."""
        subject, count = self._subject(turn)
        others = [tracer for tracer in self.tracers if tracer != subject][: _MOST_IN_A_PHRASE - 1]
        near = [word for word in (*others, *self._supporting(2)) if word != subject]
        phrase = f"{subject.capitalize()}: {' and '.join(near)}" if near else subject.capitalize()
        return f"{phrase}{count}"

    def summary(self, turn: int = 0) -> str:
        """Return sentences that name a subject first and then everything else."""
        subject, count = self._subject(turn)
        others = [t for t in self.tracers if t != subject][: _MOST_IN_A_PHRASE - 1]
        sentences = [f"{subject.capitalize()} was discussed{count}."]
        if others:
            sentences.append(f"Along with it came {', '.join(others)}.")
        near = [word for word in self._supporting(5) if word != subject]
        if near:
            sentences.append(f"What was said: {', '.join(near)}.")
        return " ".join(sentences)

    def _subject(self, turn: int) -> tuple[str, str]:
        round_, index = divmod(turn, len(self.subjects))
        return self.subjects[index], f" ({round_ + 1})" if round_ else ""

    def _supporting(self, count: int) -> Sequence[str]:
        """Return a few of the most telling words; which ones depends on the whole prompt."""
        pool = self.words[:24]
        if not pool:
            return []
        first = self.digest % len(pool)
        return (pool[first:] + pool[:first])[:count]


def read(texts: Iterable[str], *, tracers: frozenset[str], vocabulary: frozenset[str]) -> Reading:
    """Read the messages of a prompt.

    Args:
        texts: The contents of the messages.
        tracers: Words (lower case) that must surface in answers.
        vocabulary: Words (lower case) people say in a meeting; they tell more than others.

    Raises:
        ValueError: There is not one word in the prompt.
    """
    whole = "\n".join(texts)
    met = [word.lower() for word in _WORD.findall(whole)]
    if not met:
        raise ValueError("there is not one word in the prompt")
    found = tuple(dict.fromkeys(word for word in met if word in tracers))
    counts = Counter(word for word in met if word not in tracers)
    spoken = [word for word in counts if word in vocabulary]
    telling = spoken or [word for word in counts if len(word) > 3] or list(counts)
    words = tuple(sorted(telling, key=lambda word: -counts[word]))  # stable: first met, first
    return Reading(found, words, int.from_bytes(hashlib.sha256(whole.encode()).digest()[:8]))
