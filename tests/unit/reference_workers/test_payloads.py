"""Large lists go by reference; what a reference names is read completely or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_workers import executor
from reference_workers.payloads import BRANCH_BYTES, LIST_BYTES
from reference_workers.platform.seed import seed
from reference_workers.services.object_keys import LIST_KINDS, list_key, list_sha256
from reference_workers.services.stored_lists import to_json
from reference_workers.workers import WORKERS
from tests.unit.reference_workers.worker_harness import (
    TRANSCRIPT_ID,
    TRANSCRIPTS,
    Json,
    WorkerHarness,
    meeting_rows,
    topic,
    words,
)
from trackproof.testbed.stand_ins import Fault

SHA256 = "5" * 64
MANY = words(1_500)
"""More bytes than one list may have, and more than one call to the LLM takes."""


def merged(harness: WorkerHarness, *branches: Any) -> Json:
    transcripts = {
        f"transcribe_track_{index}": {"words": branch, "track_index": index}
        for index, branch in enumerate(branches)
    }
    return {"transcripts": transcripts, "transcript_id": TRANSCRIPT_ID}


def stored(harness: WorkerHarness, kind: Any, items: Any, **changes: Any) -> Json:
    """Store a list as another fleet does, and return the reference to it."""
    content = json.dumps(items).encode()
    digest = hashlib.sha256(content).hexdigest()
    key = list_key(kind, changes.get("transcript_id", TRANSCRIPT_ID), digest)
    put(harness, key, changes.get("content", content))
    return {"key": key, "count": len(items), "size": len(content)}


def put(harness: WorkerHarness, key: str, content: bytes) -> None:
    path = harness.folder / "list"
    path.write_bytes(content)
    harness.store(path, key, bucket=TRANSCRIPTS)


def keys(harness: WorkerHarness) -> list[str]:
    return harness.s3.keys(TRANSCRIPTS)


def test_a_short_list_is_handed_on_itself(harness: WorkerHarness) -> None:
    output = harness.completed("merge_transcripts", merged(harness, words(500), words(300)))

    assert isinstance(output["all_words"], list)
    assert keys(harness) == []


def test_a_long_list_goes_by_reference(harness: WorkerHarness) -> None:
    output = harness.completed("merge_transcripts", merged(harness, MANY))

    reference = output["all_words"]
    [key] = keys(harness)
    content = harness.s3.read(TRANSCRIPTS, key)
    digest = hashlib.sha256(content).hexdigest()
    assert reference == {"key": key, "count": len(MANY), "size": len(content)}
    assert key == f"{TRANSCRIPT_ID}/words_{digest}.json"
    assert json.loads(content) == MANY == harness.transcript().words
    assert output["word_count"] == len(MANY)


def test_the_limit_counts_bytes_and_includes_its_value(harness: WorkerHarness) -> None:
    exact = words(1)
    exact[0]["word"] += "ü" * ((LIST_BYTES - len(to_json(exact))) // 2)
    exact[0]["word"] += "x" * (LIST_BYTES - len(to_json(exact)))
    longer = [{**exact[0], "word": exact[0]["word"] + "x"}]

    for given_words, kind in ((exact, list), (longer, dict)):
        output = harness.completed("merge_transcripts", merged(harness, given_words))
        assert isinstance(output["all_words"], kind)


def test_a_meeting_by_reference_has_the_result_of_one_with_lists(
    harness: WorkerHarness,
) -> None:
    def result(branch: Any, all_words: Any, topics: Any) -> list[Json]:
        inputs: dict[str, Json] = {
            "merge_transcripts": {"transcripts": {"transcribe_track_0": {"words": branch}}},
            "detect_topics": {"words": all_words},
            "generate_title": {"topics": topics},
            "generate_summary": {"words": all_words, "topics": topics},
        }
        of = {"transcript_id": TRANSCRIPT_ID}
        return [harness.completed(task, {**payload, **of}) for task, payload in inputs.items()]

    topics = [topic()]
    expected = result(MANY, MANY, topics)

    by_reference = result(
        stored(harness, "track_words", MANY),
        stored(harness, "words", MANY),
        stored(harness, "topics", topics),
    )

    assert by_reference == expected


@pytest.mark.parametrize(("tracks", "kind"), [(1, list), (3, list), (4, dict), (64, dict)])
def test_a_branch_hands_on_less_the_more_tracks_there_are(
    tracks: int, kind: type, empty_harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken = words(1_000)
    assert BRANCH_BYTES // 4 < len(to_json(spoken)) < LIST_BYTES
    rows = meeting_rows(track_keys=[f"standup/{index}" for index in range(tracks)])
    seed(empty_harness.clients.state, rows)

    output = transcribed(empty_harness, spoken, monkeypatch)

    assert isinstance(output["words"], kind)


def transcribed(
    harness: WorkerHarness, spoken: Any, monkeypatch: pytest.MonkeyPatch, **changes: Any
) -> Json:
    """Execute transcribe_track with a worker that returns these words."""
    monkeypatch.setitem(
        WORKERS, "transcribe_track", lambda *_, **__: {"words": spoken, "track_index": 0}
    )
    payload = {"track_index": 0, "audio_url": "u", "transcript_id": TRANSCRIPT_ID} | changes
    return harness.completed("transcribe_track", payload)


def test_a_shadow_has_the_tracks_of_what_it_shadows(harness: WorkerHarness) -> None:
    shadow = meeting_rows(transcript={"id": "shadow", "shadow_of": TRANSCRIPT_ID})
    shadow["recording"] |= {"id": "rec-2", "track_keys": []}
    seed(harness.clients.state, shadow)
    with harness.clients.state.unit_of_work("shadow") as unit:
        unit.transcript.recording_id = None

    assert harness.clients.state.track_count("shadow") == 2


@pytest.mark.parametrize("transcript_id", ["unknown", None])
def test_nothing_is_stored_for_what_does_not_exist(
    transcript_id: str | None, harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {} if transcript_id is None else {"transcript_id": transcript_id}
    payload: Json = {"track_index": 0, "audio_url": "u", **changes}
    monkeypatch.setitem(
        WORKERS, "transcribe_track", lambda *_, **__: {"words": MANY, "track_index": 0}
    )

    assert harness.completed("transcribe_track", payload)["words"] == MANY
    assert keys(harness) == []


def test_a_repeated_attempt_stores_the_same_object(harness: WorkerHarness) -> None:
    first = harness.completed("merge_transcripts", merged(harness, MANY))

    assert harness.completed("merge_transcripts", merged(harness, MANY)) == first
    assert len(keys(harness)) == 1


def altered(harness: WorkerHarness) -> Json:
    other = json.dumps(MANY).replace("word1", "word2").encode()
    return stored(harness, "words", MANY, content=other)


def cut(harness: WorkerHarness) -> Json:
    return stored(harness, "words", MANY, content=json.dumps(MANY).encode()[:-1])


def extended(harness: WorkerHarness) -> Json:
    return stored(harness, "words", MANY, content=json.dumps(MANY).encode() + b" ")


def missing(harness: WorkerHarness) -> Json:
    reference = stored(harness, "words", MANY)
    harness.s3.client().delete_object(Bucket=TRANSCRIPTS, Key=reference["key"])
    return reference


def of_another(harness: WorkerHarness) -> Json:
    return stored(harness, "words", MANY, transcript_id="transcript-2")


def of_another_kind(harness: WorkerHarness) -> Json:
    return stored(harness, "track_words", MANY)


def miscounted(harness: WorkerHarness) -> Json:
    return {**stored(harness, "words", MANY), "count": 7}


def without_a_list(harness: WorkerHarness) -> Json:
    return stored(harness, "words", {"words": MANY})


def with_a_wrong_item(harness: WorkerHarness) -> Json:
    return stored(harness, "words", [*MANY, {"word": "x"}])


def of_another_folder(harness: WorkerHarness) -> Json:
    reference = stored(harness, "words", MANY)
    return {**reference, "key": f"{TRANSCRIPT_ID}/../{reference['key']}"}


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (altered, "not what was stored"),
        (cut, "not what was stored"),
        (extended, "more than"),
        (missing, "NoSuchKey (404): restart the workflow"),
        (of_another, "is no list 'words' of transcript 'transcript-1'"),
        (of_another_kind, "is no list 'words' of transcript 'transcript-1'"),
        (of_another_folder, "is no list 'words' of transcript 'transcript-1'"),
        (miscounted, "1500 items instead of 7"),
        (without_a_list, "no list"),
        (with_a_wrong_item, "input at /words/1500"),
    ],
)
def test_a_list_that_is_not_the_stored_one_is_a_terminal_failure(
    make: Callable[[WorkerHarness], Json], reason: str, harness: WorkerHarness
) -> None:
    payload = {"words": make(harness), "transcript_id": TRANSCRIPT_ID}

    outcome = harness.execute("detect_topics", payload)

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert reason in str(outcome.reason)
    assert harness.calls("llm") == 0
    assert harness.transcript().topics == []


def test_an_incomplete_reference_is_an_invalid_input(harness: WorkerHarness) -> None:
    payload = {"words": {"key": f"x/words_{SHA256}.json"}, "transcript_id": TRANSCRIPT_ID}

    outcome = harness.execute("detect_topics", payload)

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert str(outcome.reason).startswith("detect_topics: input at /words")


@pytest.mark.parametrize("how", [{"status": 503}, {"drop": True}, {"cut_after": 1000}])
def test_an_outage_of_storage_is_waited_for(
    how: Json, harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = stored(harness, "topics", [topic(f"Topic {n}") for n in range(99)])
    pauses: list[float] = []
    fault = Fault(service="s3", method="GET", path=f"*{reference['key']}", **how)
    harness.s3.faults.add(fault)

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        harness.s3.faults.clear()

    monkeypatch.setattr(executor, "pause", pause)
    try:
        payload = {"topics": reference, "transcript_id": TRANSCRIPT_ID}
        assert harness.completed("generate_title", payload)["title"]
    finally:
        harness.s3.faults.clear()
    assert pauses


def test_a_refused_upload_is_a_terminal_failure(harness: WorkerHarness) -> None:
    harness.s3.faults.add(Fault(service="s3", method="PUT", status=403))
    try:
        outcome = harness.execute("merge_transcripts", merged(harness, MANY))
    finally:
        harness.s3.faults.clear()

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert f"{TRANSCRIPT_ID}/words_" in str(outcome.reason)


def with_lists(harness: WorkerHarness, **granted: bool) -> list[str]:
    """Store a meeting's lists; return their keys, that of a single track first."""
    seed(harness.clients.state, meeting_rows(track_keys=["a"], granted=granted))
    return [stored(harness, kind, [])["key"] for kind in LIST_KINDS]


def test_lists_of_tracks_are_deleted_and_others_stay(empty_harness: WorkerHarness) -> None:
    _, *others = with_lists(empty_harness, ada=True)
    near = [
        list_key("words", f"{TRANSCRIPT_ID}/track_words_{SHA256}.json", SHA256),
        list_key("track_words", f"{TRANSCRIPT_ID}0", SHA256),
    ]
    for key in near:
        put(empty_harness, key, b"[]")

    empty_harness.completed("cleanup_consent", {"transcript_id": TRANSCRIPT_ID})

    assert set(keys(empty_harness)) == {*others, *near}


def test_denied_consent_deletes_all_lists(empty_harness: WorkerHarness) -> None:
    with_lists(empty_harness, ada=False)

    empty_harness.completed("cleanup_consent", {"transcript_id": TRANSCRIPT_ID})

    assert keys(empty_harness) == []


@pytest.mark.parametrize("how", [{"status": 403}, {"status": 503}])
def test_a_temporary_list_that_stays_fails_no_finished_meeting(
    how: Json, empty_harness: WorkerHarness
) -> None:
    with_lists(empty_harness, ada=True)
    empty_harness.s3.faults.add(Fault(service="s3", method="DELETE", **how))
    try:
        output = empty_harness.completed("cleanup_consent", {"transcript_id": TRANSCRIPT_ID})
    finally:
        empty_harness.s3.faults.clear()

    assert output == {"audio_deleted": False, "reason": None}


@given(st.text(min_size=1), st.sampled_from(LIST_KINDS), st.sampled_from(LIST_KINDS))
def test_a_key_names_one_kind_of_list_of_one_transcript(
    transcript_id: str, kind: Any, other: Any
) -> None:
    key = list_key(kind, transcript_id, SHA256)

    assert list_sha256(other, transcript_id, key) == (SHA256 if kind == other else None)
    assert list_sha256(kind, f"{transcript_id}/", key) is None
    assert list_sha256(kind, transcript_id, f"{key}/") is None


def test_odd_ids_stay_within_their_own_keys(empty_harness: WorkerHarness, tmp_path: Path) -> None:
    for transcript_id in ("../up", "{sha256}", "a b", "ü+%2F?#&", "x" * 200):
        rows = meeting_rows(transcript={"id": transcript_id})
        rows["recording"]["id"] = f"rec {transcript_id}"
        seed(empty_harness.clients.state, rows)
        payload = {"transcripts": [{"words": MANY}], "transcript_id": transcript_id}

        reference = empty_harness.completed("merge_transcripts", payload)["all_words"]

        assert reference["key"].startswith(f"{transcript_id}/words_")
        title = {"words": reference, "transcript_id": transcript_id}
        assert empty_harness.execute("detect_topics", title).status == "COMPLETED"
