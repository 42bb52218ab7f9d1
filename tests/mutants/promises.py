"""Mutants of what every task promises: unknown transcripts, second runs, storage, defaults."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from reference_workers.errors import MissingError, PermanentError, TransientError
from reference_workers.workers import Worker
from tests.mutants.model import Mutant
from tests.mutants.patches import around, change_output, replace
from trackproof.contracts.load import load_contracts

Payload = Mapping[str, Any]
Accept = Callable[[str, Payload], dict[str, Any]]

UNKNOWN = "there is no transcript"


def unknown_retried(work: Worker) -> Worker:
    def patient(context: Any, **inputs: Any) -> dict[str, Any]:
        try:
            return work(context, **inputs)
        except PermanentError as error:
            if UNKNOWN in str(error):
                raise TransientError(str(error)) from error
            raise

    return patient


def second_run_fails(work: Worker) -> Worker:
    done: set[str] = set()

    def strict(context: Any, **inputs: Any) -> dict[str, Any]:
        key = repr(sorted(inputs.items()))
        if key in done:
            raise TransientError("this was done before")
        output = work(context, **inputs)
        done.add(key)
        return output

    return strict


def outage_is_final(work: Worker) -> Worker:
    def final(context: Any, **inputs: Any) -> dict[str, Any]:
        try:
            return work(context, **inputs)
        except TransientError as error:
            raise PermanentError(str(error)) from error

    return final


def missing_is_awaited(work: Worker) -> Worker:
    def awaiting(context: Any, **inputs: Any) -> dict[str, Any]:
        try:
            return work(context, **inputs)
        except PermanentError as error:
            if isinstance(error, MissingError) or "404" in str(error) or "Not Found" in str(error):
                raise TransientError(str(error)) from error
            raise

    return awaiting


def null_passed_on(task: str) -> None:
    """Let null reach the worker instead of the default."""

    def make(right: Accept) -> Accept:
        def accept(name: str, payload: Payload) -> dict[str, Any]:
            arguments = right(name, payload)
            if name == task:
                nulls = (field for field, value in payload.items() if value is None)
                arguments |= dict.fromkeys(nulls, "")
            return arguments

        return accept

    replace("executor", "accepted_input", make)


def new_topic_ids(output: dict[str, Any]) -> None:
    for topic in output["topics"]:
        topic["id"] = uuid.uuid4().hex


def topic_is_fixed() -> None:
    """Post to a fixed topic where the room has none."""

    def make(post: Any) -> Any:
        def posted(self: Any, stream: str, topic: str, content: str) -> Any:
            return post(self, stream, "meetings" if topic.startswith("room") else topic, content)

        return posted

    replace("services.zulip:Zulip", "post", make)


def _mutants(
    name: str, text: str, clause: str, make: Callable[[Worker], Worker], *tasks: str
) -> list[Mutant]:
    return [
        Mutant(f"{task}.{name}", task, text, (f"{task}.{clause}",), partial(around, task, make))
        for task in tasks
    ]


def _with_row() -> list[str]:
    tasks = load_contracts().tasks.values()
    return [one.name for one in tasks if "no such transcript" in one.errors["terminal"]]


def _with_clause(clause: str) -> list[str]:
    known = {one.id for one in load_contracts().clauses}
    return [task for task in load_contracts().tasks if f"{task}.{clause}" in known]


def branches_without_inputs(work: Worker) -> Worker:
    def lenient(context: Any, **inputs: Any) -> dict[str, Any]:
        inputs["bucket_name"] = inputs["bucket_name"] or "recordings"
        count = len(inputs["tracks"])
        padded = {one["track_index"]: one for one in (inputs["padded_tracks"] or {}).values()}
        inputs["padded_tracks"] = {
            str(index): padded.get(index, {"padded_url": "", "track_index": index})
            for index in range(count)
        }
        return work(context, **inputs)

    return lenient


def stored_size_ignored() -> None:
    """Trust the store to keep what was sent."""

    def make(size: Any) -> Any:
        def trusting(self: Any, key: str, *, bucket: str | None = None) -> Any:
            if bucket is None:  # the fleet's own bucket: the look after an upload
                return self.sent.pop(key)
            return size(self, key, bucket=bucket)

        return trusting

    def remember(put: Any) -> Any:
        def putting(self: Any, key: str, path: Any, *, content_type: str) -> Any:
            self.__dict__.setdefault("sent", {})[key] = path.stat().st_size
            return put(self, key, path, content_type=content_type)

        return putting

    replace("services.storage:Storage", "size", make)
    replace("services.storage:Storage", "put_file", remember)


def keys_are_unquoted() -> None:
    """Take a key for a part of a URL."""

    def make(presign: Any) -> Any:
        def unquoted(self: Any, key: str, *, bucket: str | None = None) -> Any:
            return presign(self, unquote_plus(key), bucket=bucket)

        return unquoted

    replace("services.storage:Storage", "presign", make)


PROMISE_MUTANTS = (
    *(
        Mutant(
            f"{task}.stored-size-ignored",
            task,
            "An upload is not compared with what the store keeps.",
            (f"{task}.stored-size",),
            stored_size_ignored,
        )
        for task in ("pad_track", "mixdown_tracks")
    ),
    Mutant(
        "pad_track.keys-unquoted",
        "pad_track",
        "Keys with + or % are taken for a part of a URL.",
        ("pad_track.odd-keys",),
        keys_are_unquoted,
    ),
    *_mutants(
        "branches-without-inputs",
        "A branch is planned without its inputs.",
        "missing-inputs",
        branches_without_inputs,
        "generate_dynamic_fork_tasks",
    ),
    *_mutants(
        "unknown-transcript-retried",
        "A transcript that does not exist is waited for.",
        "unknown-transcript",
        unknown_retried,
        *_with_row(),
    ),
    *_mutants(
        "second-run-fails",
        "The same input fails a second time.",
        "repeat",
        second_run_fails,
        *_with_clause("repeat"),
    ),
    *_mutants(
        "outage-of-storage-final",
        "An outage of S3 fails the task for good.",
        "storage-errors",
        outage_is_final,
        *_with_clause("storage-errors"),
    ),
    *_mutants(
        "missing-object-awaited",
        "An object that does not exist is waited for.",
        "missing-object",
        missing_is_awaited,
        *_with_clause("missing-object"),
    ),
    *(
        Mutant(
            f"{task}.null-passed-on",
            task,
            "Null is taken as a value of its own.",
            (f"{task}.defaults",),
            partial(null_passed_on, task),
        )
        for task in _with_clause("defaults")
    ),
    Mutant(
        "detect_topics.new-topic-ids",
        "detect_topics",
        "Each run gives its topics new ids.",
        ("detect_topics.repeat",),
        partial(change_output, "detect_topics", new_topic_ids),
    ),
    Mutant(
        "post_zulip.topic-fixed",
        "post_zulip",
        "Rooms without a topic share one.",
        ("post_zulip.topic",),
        topic_is_fixed,
    ),
)
