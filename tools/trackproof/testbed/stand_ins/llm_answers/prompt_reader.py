"""Phrases for the LLM stand-in's answers, built from the words of a prompt."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

MAX_SUBJECTS: Final = 8
"""Length of the longest list of subjects: more than a fleet may use."""
_MAX_TRACERS: Final = 12
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_TERSE = re.compile(r"title|subject|topic|name|label|heading|tag|keyword|theme", re.IGNORECASE)


@dataclass(frozen=True)
class Prompt:
    """Words for an answer, in a fixed order for the same prompt."""

    tracers: tuple[str, ...]
    """Tracers in the prompt, in order of first appearance."""
    words: tuple[str, ...]
    """Other words in the prompt, the most frequent first."""
    digest: int
    """Hash of the whole prompt, so that different prompts get different answers."""
    text: str | None = None
    """The text of every answer, instead of one of the prompt's words."""

    def with_text(self, text: str | None) -> Prompt:
        """Return the prompt with a text for every answer."""
        return replace(self, text=text)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subjects of a list: the tracers, or the most frequent words."""
        return self.tracers[:MAX_SUBJECTS] or self.words[:3]

    def text_for(self, name: str, index: int = 0) -> str:
        """Return a text for the property `name`; `index` is the position in a list."""
        if self.text is not None:
            return f"{self.text} ({index + 1})" if index else self.text
        return self.title(index) if _TERSE.search(name) else self.summary(index)

    def prose(self) -> str:
        """Return an answer without a schema."""
        return self.text or self.summary()

    def title(self, index: int = 0) -> str:
        """Return a phrase that starts with a subject and includes every other tracer."""
        subject, count = self._subject(index)
        others = [tracer for tracer in self.tracers if tracer != subject][: _MAX_TRACERS - 1]
        near = [word for word in (*others, *self._supporting(6)) if word != subject]
        # Long, and with a character that some outputs escape: a fleet passes it on unchanged.
        phrase = f"{subject.capitalize()}: {' & '.join(near)}" if near else subject.capitalize()
        return f"{phrase}{count}"

    def summary(self, index: int = 0) -> str:
        """Return sentences about a subject that include every other tracer."""
        subject, count = self._subject(index)
        others = [t for t in self.tracers if t != subject][: _MAX_TRACERS - 1]
        sentences = [f"{subject.capitalize()} was discussed{count}."]
        if others:
            sentences.append(f"Along with it came {', '.join(others)}.")
        near = [word for word in self._supporting(5) if word != subject]
        if near:
            sentences.append(f"What was said: “{', '.join(near)}”.")
        return " ".join(sentences)

    def _subject(self, index: int) -> tuple[str, str]:
        round_, position = divmod(index, len(self.subjects))
        return self.subjects[position], f" ({round_ + 1})" if round_ else ""

    def _supporting(self, count: int) -> Sequence[str]:
        """Return some of the most frequent words, chosen by the hash of the prompt."""
        pool = self.words[:24]
        if not pool:
            return []
        first = self.digest % len(pool)
        return (pool[first:] + pool[:first])[:count]


def read(texts: Iterable[str], *, tracers: frozenset[str], vocabulary: frozenset[str]) -> Prompt:
    """Extract the words of a prompt.

    Args:
        texts: Contents of the messages.
        tracers: Words in lower case that must appear in answers.
        vocabulary: Words of meetings in lower case, preferred to all others.

    Raises:
        ValueError: The prompt has no word.
    """
    whole = "\n".join(texts)
    all_words = [word.lower() for word in _WORD.findall(whole)]
    if not all_words:
        raise ValueError("the prompt has no word")
    found_tracers = tuple(dict.fromkeys(word for word in all_words if word in tracers))
    counts = Counter(word for word in all_words if word not in tracers)
    known = [word for word in counts if word in vocabulary]
    candidates = known or [word for word in counts if len(word) > 3] or list(counts)
    words = tuple(sorted(candidates, key=lambda word: -counts[word]))  # stable
    return Prompt(found_tracers, words, int.from_bytes(hashlib.sha256(whole.encode()).digest()[:8]))
