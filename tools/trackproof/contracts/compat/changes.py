"""Changes between two contracts, and which party they break.

**Fleets** execute the tasks: they receive input and produce output and effects. **Consumers** are
everything else: the workflow, the front end, clients that start runs or read events and rows. A
change breaks a party if an implementation of the old contract fails with implementations of the
new one.
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
"""The direction of data: a task's input goes to fleets, its output comes from fleets."""

VERDICTS: tuple[Verdict, ...] = ("breaking", "consumers only", "compatible")
"""The most severe first."""

DESCRIPTIVE_REASON = "Only a description changed."
ORDER_REASON = "The order has no meaning."


@dataclass(frozen=True, slots=True)
class Change:
    """A difference between two contracts."""

    pointer: str
    """JSON pointer into the newer contract, or into the older one for removed parts."""
    what: str
    """The old and the new value."""
    verdict: Verdict
    """`compatible`, `consumers only` (fleets must adapt) or `breaking` (consumers must adapt)."""
    reason: str
    example: str | None = None
    """A value or situation that breaks a party, if there is one and it is known."""

    def __str__(self) -> str:
        text = f"{self.verdict}: {self.pointer}: {self.what}\n  {self.reason}"
        if self.verdict == "compatible":
            return text
        return f"{text}\n  breaks: {self.example or 'no example found'}"


def verdict(*, consumers: bool, fleets: bool) -> Verdict:
    """Return the verdict for a change that breaks the given parties."""
    if consumers:
        return "breaking"
    return "consumers only" if fleets else "compatible"


def worst(changes: list[Change]) -> Verdict:
    """Return the most severe verdict; `compatible` if there are no changes."""
    return min((change.verdict for change in changes), key=VERDICTS.index, default="compatible")


def canonical(data: Any) -> bytes:
    """Serialise JSON data canonically (RFC 8785)."""
    return rfc8785.dumps(data)


def json_equal(old: Any, new: Any) -> bool:
    """Return whether two values are equal as JSON: 1 equals 1.0 but not true."""
    if old != new:  # values that are equal as JSON are equal in Python
        return False
    return old is new or canonical(old) == canonical(new)


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], pointer: str
) -> Iterator[tuple[str, Any, Any, str]]:
    """Yield key, old value, new value and pointer of each difference; None for a missing value."""
    for key in sorted(old.keys() | new.keys()):
        if (key in old) != (key in new) or not json_equal(old.get(key), new.get(key)):
            yield key, old.get(key), new.get(key), join_pointer(pointer, key)


def join_pointer(pointer: str, *parts: str | int) -> str:
    """Append reference tokens to a JSON pointer."""
    return pointer + json_pointer(list(parts))


def unclassified(pointer: str, old: Any, new: Any) -> Change:
    """Return the change for a difference without a rule; it counts as breaking."""
    return Change(
        pointer,
        f"{format_optional(old)} became {format_optional(new)}",
        "breaking",
        "There is no rule for this change, so it counts as breaking.",
    )


def descriptive(pointer: str, old: Any, new: Any) -> Change:
    """Return the change of a text that explains and is not judged."""
    what = f"{format_optional(old)} became {format_optional(new)}"
    return Change(pointer, what, "compatible", DESCRIPTIVE_REASON)


def format_optional(value: Any) -> str:
    """Format a value; None becomes `nothing`."""
    return "nothing" if value is None else format_value(value)


def prefix_change(change: Change, prefix: str) -> Change:
    """Return `change` with `prefix` before its description."""
    return replace(change, what=f"{prefix}: {change.what}")
