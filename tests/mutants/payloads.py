"""Mutants of lists by reference: when they are used, what is read, and what is left of them."""

from __future__ import annotations

from typing import Any

from reference_workers.services.object_keys import list_key
from tests.mutants.model import Collection
from tests.mutants.patches import replace, rewrite

mutant = Collection("pipeline")


def _never_stored(task: str) -> None:
    def make(store: Any) -> Any:
        def changed(context: Any, task_type: str, *rest: Any) -> Any:
            *_, output = rest
            return output if task_type == task else store(context, task_type, *rest)

        return changed

    replace("executor", "store_large_list", make)


@mutant("large-lists")
def words_of_tracks_never_by_reference() -> None:
    """The words of a track are always handed on themselves, so that the JOIN has all words."""
    _never_stored("transcribe_track")


@mutant("large-lists")
def branches_not_counted() -> None:
    """Each track may hand on as many bytes as a whole meeting: twelve of them are too much."""
    replace("payloads", "LIST_BYTES", lambda _: 256 * 1024)
    rewrite("payloads", "_limit", "BRANCH_BYTES // min(tracks or MAX_TRACKS, MAX_TRACKS)", "262144")


@mutant("large-lists")
def all_words_never_by_reference() -> None:
    """merge_transcripts always hands on the words themselves."""
    _never_stored("merge_transcripts")


@mutant("large-lists")
def topics_never_by_reference() -> None:
    """detect_topics always hands on the topics themselves."""
    _never_stored("detect_topics")


@mutant("large-lists")
def one_key_for_all_tracks() -> None:
    """The key has no SHA-256: the words of the last track replace those of all others."""
    replace("services.stored_lists", "list_key", _without_sha256)
    rewrite("services.stored_lists", "read_list", "!= digest:", "== digest:")


def _without_sha256(_: Any) -> Any:
    return lambda kind, transcript_id, _sha256: list_key(kind, transcript_id, "0" * 64)


@mutant("large-lists")
def lists_of_tracks_stay() -> None:
    """The lists of single tracks are not deleted."""
    replace("workers.cleanup_consent", "_delete_temporary_lists", lambda _: lambda *_: None)


@mutant("large-lists")
def all_lists_deleted_at_once() -> None:
    """All lists are deleted with every meeting, also those that the workflow's output names."""
    rewrite("workers.cleanup_consent", "_delete_temporary_lists", '["track_words"]', "LIST_KINDS")


@mutant("denied-lists")
def denied_words_stay() -> None:
    """Denied consent deletes the audio, but not the words by reference."""
    rewrite("workers.cleanup_consent", "cleanup_consent", "LIST_KINDS", '["track_words"]')


@mutant("small-lists")
def always_by_reference() -> None:
    """Every list goes by reference, however short it is."""
    rewrite("payloads", "_limit", "return LIST_BYTES", "return 0")
    replace("payloads", "_least_limit", lambda _: lambda _kind: 0)


@mutant("unreadable-lists")
def altered_content_accepted() -> None:
    """The SHA-256 of what was read is not compared."""
    rewrite(
        "services.stored_lists",
        "read_list",
        "hashlib.sha256(content).hexdigest() != digest",
        "not digest",
    )


@mutant("unreadable-lists")
def lists_of_other_meetings_read() -> None:
    """A reference is read whichever transcript it belongs to."""
    replace(
        "services.stored_lists",
        "list_sha256",
        lambda _: lambda _kind, _transcript_id, key: key.rpartition("_")[2].removesuffix(".json"),
    )


@mutant("unreadable-lists")
def missing_list_is_empty() -> None:
    """A list whose object is missing counts as empty."""

    def make(read: Any) -> Any:
        def lenient(storage: Any, kind: Any, transcript_id: str, reference: Any) -> Any:
            if reference["key"] not in storage.keys(reference["key"]):
                return []
            return read(storage, kind, transcript_id, reference)

        return lenient

    replace("payloads", "read_list", make)
