"""What a change between two contracts is, and whom it breaks.

Two parties live by a contract. **Fleets** carry the tasks out: they receive input and produce
output and effects. **Consumers** are everybody else: the workflow, the front end, whoever starts
a run or reads its events and rows. A change breaks a party if one that keeps to the old contract
fails beside others that keep to the new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import rfc8785

from trackproof.contracts.schemas.descriptions import format_value
from trackproof.contracts.yaml_files import json_pointer

Verdict = Literal["compatible", "consumers only", "breaking"]
Direction = Literal["to fleets", "from fleets"]
"""Which way data flows: a task's input goes to the fleets, its output comes from them."""

VERDICTS: tuple[Verdict, ...] = ("breaking", "consumers only", "compatible")
"""The worst first."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two contracts."""

    pointer: str
    """JSON pointer into the newer contract, or into the older one if it is gone there."""
    what: str
    """What was and what is."""
    verdict: Verdict
    """`compatible`; `consumers only`: fleets have to follow; `breaking`: consumers have to."""
    reason: str
    example: str | None = None
    """A value, or an event in words, that breaks somebody; None where nobody breaks or none
    was found."""

    def __str__(self) -> str:
        text = f"{self.verdict}: {self.pointer}: {self.what}\n  {self.reason}"
        if self.verdict == "compatible":
            return text
        return f"{text}\n  breaks: {self.example or 'no example found'}"


def verdict(*, consumers: bool, fleets: bool) -> Verdict:
    """Return the verdict on what breaks consumers, fleets, both or nobody."""
    if consumers:
        return "breaking"
    return "consumers only" if fleets else "compatible"


def worst(changes: list[Change]) -> Verdict:
    """Return the gravest verdict; no change at all is compatible."""
    verdicts = {change.verdict for change in changes}
    return next((grade for grade in VERDICTS if grade in verdicts), "compatible")


def canonical(data: Any) -> bytes:
    """Return JSON data as RFC 8785 writes it: one form for equal values, in any language."""
    return rfc8785.dumps(data)


def json_equal(old: Any, new: Any) -> bool:
    """Tell whether two values are equal as JSON; unlike Python's, 1 is not true, and 1 is 1.0."""
    if old != new:  # to Python, more values are equal than as JSON
        return False
    return old is new or canonical(old) == canonical(new)


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], pointer: str
) -> Iterator[tuple[str, Any, Any, str]]:
    """Yield what differs by key: the key, old and new value (None if there is none), the pointer."""
    for key in sorted(old.keys() | new.keys()):
        if (key in old) != (key in new) or not json_equal(old.get(key), new.get(key)):
            yield key, old.get(key), new.get(key), join_pointer(pointer, key)


def join_pointer(pointer: str, *parts: str | int) -> str:
    """Return the JSON pointer of what lies below `place`."""
    return pointer + json_pointer(list(parts))


def unclassified(pointer: str, old: Any, new: Any) -> Change:
    """Return a difference that nobody judged: it counts as breaking until somebody has."""
    return Change(
        pointer,
        f"{format_optional(old)} became {format_optional(new)}",
        "breaking",
        "What this means for fleets and consumers cannot be judged; so it counts as the worst.",
    )


def format_optional(value: Any) -> str:
    """Say a value, or that there is none."""
    return "nothing" if value is None else format_value(value)


def prefix_change(change: Change, prefix: str) -> Change:
    """Return `change` with what it is about said first."""
    return replace(change, what=f"{prefix}: {change.what}")
