"""Comparison of two versions of a task's contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from trackproof.contracts.compat.changes import (
    ORDER_REASON,
    Change,
    Verdict,
    descriptive,
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
"""Ordered from the shortest to the longest total delay for equal first delays."""


def task_changes(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    """Yield all differences between two versions of a task."""
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
        if part == "notes":
            yield descriptive(here, before, after)
        elif part in parts and before is not None and after is not None:
            yield from parts[part](before, after, here)
        else:
            yield unclassified(here, before, after)


def _descriptive(old: Any, new: Any, pointer: str) -> Iterator[Change]:
    yield descriptive(pointer, old, new)


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
        reason = "Workers have more time; a dead worker is detected later."
        return Change(pointer, f"raised from {old} to {new} s", "compatible", reason)
    reason = "Workers that need the old limit time out."
    what = f"lowered from {old} to {new} s"
    return Change(pointer, what, "consumers only", reason, f"a run of {new + (old - new) / 2:g} s")


def _retry_change(pointer: str, old: Any, new: Any, *, lower: bool) -> Change:
    if not lower:
        reason = "Conductor retries longer; workers are idempotent anyway."
        return Change(pointer, f"raised from {old} to {new}", "compatible", reason)
    reason = "Conductor gives up earlier, so shorter outages fail a meeting."
    example = f"{old} failures in a row" if pointer.endswith("retryCount") else "a longer outage"
    return Change(pointer, f"lowered from {old} to {new}", "breaking", reason, example)


def clause_changes(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    """Yield all differences between two sets of clauses by id."""
    for name, before, after, here in differences(old, new, pointer):
        if after is None:
            must = old[name]["severity"] == "must"
            reason = "Consumers may rely on it." if must else "Consumers cannot rely on a should."
            grade: Verdict = "breaking" if must else "compatible"
            what = f"the {old[name]['severity']} clause was removed"
            yield Change(here, what, grade, reason, old[name]["text"])
        elif before is None:
            must = new[name]["severity"] == "must"
            reason = "Fleets must satisfy it." if must else "Fleets may violate a should."
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
            reason = "Fleets must satisfy it."
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
                yield from _lifetimes(before, after, here)
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
            reason = "Consumers that use it no longer receive it."
            yield Change(pointer, f"{noun} {name} was removed", "breaking", reason, name)
    for name in after:
        if name not in before:
            reason = "Fleets must implement it; consumers that do not know it ignore it."
            yield Change(pointer, f"{noun} {name} was added", "consumers only", reason, name)
    if sorted(before) == sorted(after):
        yield Change(pointer, "the order of the list changed", "compatible", ORDER_REASON)


def _columns(rows: Sequence[Data] | None) -> list[str]:
    return [f"{row['table']}.{column}" for row in rows or () for column in row["columns"]]


def _objects(stored: Sequence[Data] | None) -> dict[str, Any]:
    return {
        f"{item['action']} {item['key']} in {item['bucket']}": item.get("when")
        for item in stored or ()
    }


def _lifetimes(
    old: Sequence[Data] | None, new: Sequence[Data] | None, pointer: str
) -> Iterator[Change]:
    """Compare how long temporary objects are kept."""
    before = {(item["bucket"], item["key"]): item.get("stays") for item in old or ()}
    for item in new or ():
        key, stays = (item["bucket"], item["key"]), item.get("stays")
        if key not in before or before[key] == stays:
            continue
        what = f"{item['key']} stays {stays or 'for an unstated time'}"
        if before[key] is None:
            reason = "Fleets must keep the object that long."
            yield Change(pointer, what, "consumers only", reason, str(stays))
        else:
            reason = "Consumers that read the object later may not find it."
            yield Change(pointer, what, "breaking", reason, f"it stayed {before[key]}")


def _calls(calls: Sequence[Data] | None) -> dict[str, Any]:
    return {
        f"the call {call['service']} {call['operation']}": call["count"] for call in calls or ()
    }


def _keyed(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    """Compare effects by key; their values are conditions or counts."""
    for key in dict.fromkeys([*old, *new]):
        if key not in new:
            reason = "Consumers that rely on it fail."
            yield Change(pointer, f"{key} was removed", "breaking", reason, key)
        elif key not in old and key.startswith("delete "):
            reason = "Consumers that read the deleted object fail."
            yield Change(pointer, f"{key} was added", "breaking", reason, key)
        elif key not in old:
            reason = "Fleets must implement it."
            yield Change(pointer, f"{key} was added", "consumers only", reason, key)
        elif not json_equal(old[key], new[key]):
            what = f"{key}: {format_optional(old[key])} became {format_optional(new[key])}"
            reason = "Conditions and counts cannot be compared, so the change counts as breaking."
            yield Change(pointer, what, "breaking", reason, f"{format_optional(new[key])}")
    if json_equal(old, new):
        yield Change(pointer, "the list is written differently", "compatible", ORDER_REASON)


def _presigned(pointer: str, old: int, new: int) -> Change:
    if new < old:
        reason = "Consumers that open a URL later find it expired."
        what = f"lowered from {old} to {new} s"
        example = f"a URL opened after {new + (old - new) / 2:g} s"
        return Change(pointer, what, "breaking", reason, example)
    reason = "Fleets must sign URLs for longer."
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
                reason = "The error fails the meeting without a retry."
                yield Change(here, f"{cause!r} became terminal", "breaking", reason, cause)
            elif cause in old.get(other, ()):
                reason = "Fleets must fail the task retryably."
                yield Change(here, f"{cause!r} became retryable", "consumers only", reason, cause)
            else:
                reason = "Fleets must classify the error."
                yield Change(here, f"{cause!r} was added", "consumers only", reason, cause)
        for cause in was:
            if cause not in will and cause not in new.get(other, ()):
                reason = "The outcome of the error is no longer specified."
                yield Change(here, f"{cause!r} was removed", "breaking", reason, cause)
        if sorted(was) == sorted(will) and not json_equal(list(was), list(will)):
            yield Change(here, "the order of the list changed", "compatible", ORDER_REASON)
    for key, before, after, here in differences(old, new, pointer):
        if key not in ("retryable", "terminal"):
            yield unclassified(here, before, after)


def _idempotency(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    for key, before, after, here in differences(old, new, pointer):
        if key == "rule" and isinstance(before, str) and isinstance(after, str):
            yield wording_change(here, "the rule", before, after, else_verdict="consumers only")
        elif key == "cache_key" and after is None:
            reason = "A repeated run no longer uses the cache."
            what = f"{format_optional(before)} was removed"
            yield Change(here, what, "breaking", reason, "a repeated run")
        elif key == "cache_key":
            reason = "Fleets must use the new cache key."
            what = f"{format_optional(before)} became {format_optional(after)}"
            yield Change(
                here, what, "consumers only", reason, "a response cached under the old key"
            )
        else:
            yield unclassified(here, before, after)
