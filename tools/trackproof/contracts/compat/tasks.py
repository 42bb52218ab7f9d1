"""Two versions of one task's contract, compared part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from trackproof.contracts.compat.changes import (
    Change,
    Verdict,
    differences,
    format_optional,
    join_pointer,
    json_equal,
    unclassified,
)
from trackproof.contracts.compat.schema_nodes import root_node
from trackproof.contracts.compat.schemas import schema_changes, wording_change

Data = Mapping[str, Any]

_PACE = ("FIXED", "LINEAR_BACKOFF", "EXPONENTIAL_BACKOFF")
"""From the shortest to the longest wait for the same first delay."""


def task_changes(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    """Return every difference between two versions of a task."""
    parts: dict[str, Callable[[Any, Any, str], Iterator[Change]]] = {
        "definition": _definition,
        "input": lambda a, b, at_: iter(
            schema_changes(root_node(a, at_), root_node(b, at_), "to fleets")
        ),
        "output": lambda a, b, at_: iter(
            schema_changes(root_node(a, at_), root_node(b, at_), "from fleets")
        ),
        "effects": _effects,
        "constants": _constants,
        "errors": _errors,
        "idempotency": _idempotency,
        "clauses": clause_changes,
        "summary": _descriptive,
        "seed": _descriptive,
    }
    for part, before, after, here in differences(old, new, pointer):
        if part in parts and before is not None and after is not None:
            yield from parts[part](before, after, here)
        else:
            yield unclassified(here, before, after)


def _descriptive(old: Any, new: Any, pointer: str) -> Iterator[Change]:
    reason = "It describes; it demands nothing."
    yield Change(
        pointer, f"{format_optional(old)} became {format_optional(new)}", "compatible", reason
    )


def _definition(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    for key, before, after, here in differences(old, new, pointer):
        counts = _counts(before, after)
        match key:
            case "timeoutSeconds" | "responseTimeoutSeconds" if counts:
                yield _limit(here, *counts)
            case "retryCount" | "retryDelaySeconds" if counts:
                yield _retry_change(here, *counts, lower=counts[1] < counts[0])
            case "retryLogic" if before in _PACE and after in _PACE:
                lower = _PACE.index(after) < _PACE.index(before)
                yield _retry_change(here, before, after, lower=lower)
            case "ownerEmail" | "description":
                yield from _descriptive(before, after, here)
            case _:
                yield unclassified(here, before, after)


def _counts(old: Any, new: Any) -> tuple[int, int] | None:
    return (old, new) if type(old) is type(new) is int else None


def _limit(pointer: str, old: int, new: int) -> Change:
    if new > old:
        reason = "Fleets have more time; a dead worker is noticed later."
        return Change(pointer, f"raised from {old} to {new} s", "compatible", reason)
    reason = "A fleet that kept the old limit may be timed out now."
    what = f"lowered from {old} to {new} s"
    return Change(pointer, what, "consumers only", reason, f"a run of {new + (old - new) / 2:g} s")


def _retry_change(pointer: str, old: Any, new: Any, *, lower: bool) -> Change:
    if not lower:
        reason = "Conductor tries longer; a worker can be run twice anyway."
        return Change(pointer, f"raised from {old} to {new}", "compatible", reason)
    reason = "Conductor gives up sooner: a meeting that came through an outage fails now."
    example = f"{old} failures in a row" if pointer.endswith("retryCount") else "a longer outage"
    return Change(pointer, f"lowered from {old} to {new}", "breaking", reason, example)


def clause_changes(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    """Return every difference between two sets of clauses by id."""
    for name, before, after, here in differences(old, new, pointer):
        if after is None:
            must = old[name]["severity"] == "must"
            reason = "Consumers may rely on it." if must else "Nobody can rely on a should."
            grade: Verdict = "breaking" if must else "compatible"
            what = f"the {old[name]['severity']} clause was dropped"
            yield Change(here, what, grade, reason, old[name]["text"])
        elif before is None:
            must = new[name]["severity"] == "must"
            reason = "Fleets have to keep it." if must else "Fleets are free to keep it."
            grade = "consumers only" if must else "compatible"
            what = f"the {new[name]['severity']} clause was added"
            yield Change(here, what, grade, reason, new[name]["text"])
        else:
            yield from _clause(before, after, here)


def _clause(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    for key, before, after, here in differences(old, new, pointer):
        if key == "text" and isinstance(before, str) and isinstance(after, str):
            yield wording_change(here, "the clause", before, after, else_verdict="consumers only")
        elif (key, before, after) == ("severity", "must", "should"):
            reason = "Consumers may rely on it."
            yield Change(here, "must became should", "breaking", reason, str(old.get("text")))
        elif (key, before, after) == ("severity", "should", "must"):
            reason = "Fleets have to keep it from now on."
            yield Change(here, "should became must", "consumers only", reason, str(new.get("text")))
        elif key == "seed":
            yield from _descriptive(before, after, here)
        else:
            yield unclassified(here, before, after)


def _effects(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    for key, before, after, here in differences(old, new, pointer):
        match key:
            case "events":
                yield from _named_effects("the event", before, after, here)
            case "database":
                yield from _named_effects("the column", _columns(before), _columns(after), here)
            case "s3":
                yield from _keyed(_objects(before), _objects(after), here)
            case "calls":
                yield from _keyed(_calls(before), _calls(after), here)
            case "presign_seconds" if before and after:
                yield _presigned(here, before, after)
            case _:
                yield unclassified(here, before, after)


def _named_effects(
    noun: str, old: Sequence[str] | None, new: Sequence[str] | None, pointer: str
) -> Iterator[Change]:
    before, after = list(old or ()), list(new or ())
    for name in before:
        if name not in after:
            reason = "Consumers that wait for it wait in vain."
            yield Change(pointer, f"{noun} {name} was removed", "breaking", reason, name)
    for name in after:
        if name not in before:
            reason = "Fleets have to see to it; who does not know it ignores it."
            yield Change(pointer, f"{noun} {name} was added", "consumers only", reason, name)
    if sorted(before) == sorted(after):
        yield Change(pointer, "the order of the list changed", "compatible", "It means nothing.")


def _columns(rows: Sequence[Data] | None) -> list[str]:
    return [f"{row['table']}.{column}" for row in rows or () for column in row["columns"]]


def _objects(stored: Sequence[Data] | None) -> dict[str, Any]:
    return {
        f"{item['action']} {item['key']} in {item['bucket']}": item.get("when")
        for item in stored or ()
    }


def _calls(calls: Sequence[Data] | None) -> dict[str, Any]:
    return {
        f"the call {call['service']} {call['operation']}": call["count"] for call in calls or ()
    }


def _keyed(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    """Judge effects that have a condition or a count: what they do is the key."""
    for key in dict.fromkeys([*old, *new]):
        if key not in new:
            reason = "Who relies on it finds it not done."
            yield Change(pointer, f"{key} was removed", "breaking", reason, key)
        elif key not in old and key.startswith("delete "):
            reason = "Who reads what is deleted finds nothing."
            yield Change(pointer, f"{key} was added", "breaking", reason, key)
        elif key not in old:
            reason = "Fleets have to do it."
            yield Change(pointer, f"{key} was added", "consumers only", reason, key)
        elif not json_equal(old[key], new[key]):
            what = f"{key}: {format_optional(old[key])} became {format_optional(new[key])}"
            reason = "How often, or when, is part of the promise, and cannot be compared."
            yield Change(pointer, what, "breaking", reason, f"{format_optional(new[key])}")
    if json_equal(old, new):
        yield Change(pointer, "the list is written anew", "compatible", "It means the same.")


def _presigned(pointer: str, old: int, new: int) -> Change:
    if new < old:
        reason = "A URL that is opened later is dead."
        what = f"lowered from {old} to {new} s"
        example = f"a URL opened after {new + (old - new) / 2:g} s"
        return Change(pointer, what, "breaking", reason, example)
    reason = "Fleets have to sign for longer."
    what = f"raised from {old} to {new} s"
    return Change(pointer, what, "consumers only", reason, f"a URL signed for {old} s")


def _constants(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    for _, before, after, here in differences(old, new, pointer):
        yield unclassified(here, before, after)


def _errors(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    for kind, other in (("retryable", "terminal"), ("terminal", "retryable")):
        here = join_pointer(pointer, kind)
        was, will = old.get(kind, ()), new.get(kind, ())
        for cause in will:
            if cause in was:
                continue
            if cause in old.get(other, ()) and kind == "terminal":
                reason = "What a retry used to mend fails the meeting at once."
                yield Change(here, f"{cause!r} became terminal", "breaking", reason, cause)
            elif cause in old.get(other, ()):
                reason = "Fleets have to let it be retried."
                yield Change(here, f"{cause!r} became retryable", "consumers only", reason, cause)
            else:
                reason = "Fleets have to tell it so."
                yield Change(here, f"{cause!r} was added", "consumers only", reason, cause)
        for cause in was:
            if cause not in will and cause not in new.get(other, ()):
                reason = "Nobody says any more how it ends."
                yield Change(here, f"{cause!r} was removed", "breaking", reason, cause)
        if sorted(was) == sorted(will) and not json_equal(list(was), list(will)):
            yield Change(here, "the order of the list changed", "compatible", "It means nothing.")
    for key, before, after, here in differences(old, new, pointer):
        if key not in ("retryable", "terminal"):
            yield unclassified(here, before, after)


def _idempotency(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    for key, before, after, here in differences(old, new, pointer):
        if key == "rule" and isinstance(before, str) and isinstance(after, str):
            yield wording_change(here, "the rule", before, after, else_verdict="consumers only")
        elif key == "cache_key" and after is None:
            reason = "A second run is not answered from the cache any more."
            yield Change(
                here, f"{format_optional(before)} was dropped", "breaking", reason, "a second run"
            )
        elif key == "cache_key":
            reason = "Fleets have to file their answers under other keys."
            what = f"{format_optional(before)} became {format_optional(after)}"
            yield Change(here, what, "consumers only", reason, "an answer filed under the old key")
        else:
            yield unclassified(here, before, after)
