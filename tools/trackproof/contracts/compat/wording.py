"""Comparison of sentences by their facts: numbers, names, units and logical words.

If the facts of a sentence change, its meaning may have changed. If they do not, only the wording
changed, which a person should review.
"""

from __future__ import annotations

import re
from collections import Counter

_LOGICAL = {
    "all", "any", "at", "bytes", "each", "every", "except", "hours", "least", "milliseconds",
    "minutes", "most", "ms", "never", "no", "none", "not", "nothing", "null", "once", "only",
    "or", "seconds", "twice", "unless", "without",
}  # fmt: skip
_WORD = re.compile(r"\d+(?:\.\d+)?|\w+(?:[-_.]\w+)*")


def facts(text: str) -> Counter[str]:
    """Return the numbers, names and logical words of a sentence."""
    return Counter(word for word in _WORD.findall(text) if _is_fact(word))


def _is_fact(word: str) -> bool:
    return (
        word.lower() in _LOGICAL
        or any(character.isdigit() or character == "_" for character in word)
        or (len(word) > 1 and word.isupper())
    )


def differing_facts(old: str, new: str) -> str:
    """Describe the facts that only one of two sentences has; empty if there are none."""
    before, after = facts(old), facts(new)
    differing = {
        "removed": sorted((before - after).elements()),
        "added": sorted((after - before).elements()),
    }
    return "; ".join(f"{how}: {', '.join(words)}" for how, words in differing.items() if words)
