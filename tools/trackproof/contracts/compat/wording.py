"""Sentences compared: is it another promise, or the same one in other words?

No machine can read a sentence. What it can see is whether the facts in it changed: figures,
names, units, and the words that turn a duty round. If they did, it is another promise; if not,
people have to read it again.
"""

from __future__ import annotations

import re
from collections import Counter

_FORCE = {
    "all", "any", "at", "bytes", "each", "every", "except", "hours", "least", "milliseconds",
    "minutes", "most", "ms", "never", "no", "none", "not", "nothing", "null", "once", "only",
    "or", "seconds", "twice", "unless", "without",
}  # fmt: skip
_WORD = re.compile(r"\d+(?:\.\d+)?|\w+(?:[-_.]\w+)*")


def facts(text: str) -> Counter[str]:
    """Return the figures, names and turning words of a sentence."""
    return Counter(word for word in _WORD.findall(text) if _is_fact(word))


def _is_fact(word: str) -> bool:
    return (
        word.lower() in _FORCE
        or any(character.isdigit() or character == "_" for character in word)
        or (len(word) > 1 and word.isupper())
    )


def differing_facts(old: str, new: str) -> str:
    """Say which facts are in one of the sentences only; empty if none are."""
    before, after = facts(old), facts(new)
    gone, come = sorted((before - after).elements()), sorted((after - before).elements())
    parts = [f"no more: {', '.join(gone)}"] if gone else []
    return "; ".join([*parts, *([f"now: {', '.join(come)}"] if come else [])])
