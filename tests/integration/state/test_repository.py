from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier, Thread

import pytest
from sqlalchemy import select

from reference_workers.errors import PermanentError, TransientError
from reference_workers.platform.state.models import Event, MeetingRow
from reference_workers.platform.state.repository import State
from reference_workers.platform.state.unit_of_work import EventSource
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, event_rows, word


def emitted(state: State) -> list[tuple[int, str]]:
    return [(row.seq, row.event) for row in event_rows(state)]


def test_a_result_and_its_events_are_atomic(state: State) -> None:
    def half() -> None:
        with state.unit_of_work(TRANSCRIPT_ID) as unit:
            unit.transcript.title = "half"
            unit.emit("FINAL_TITLE", {"title": "half"})
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        half()

    transcript = state.transcript(TRANSCRIPT_ID)
    assert transcript.title is None
    assert transcript.last_seq == 0
    assert emitted(state) == []


def test_unknown_ids_are_permanent_failures(state: State) -> None:
    with (
        pytest.raises(PermanentError, match="there is no transcript 'nowhere'"),
        state.unit_of_work("nowhere"),
    ):
        pass
    with pytest.raises(PermanentError, match="there is no recording 'nowhere'"):
        state.store_workflow("nowhere", "workflow-1")


@pytest.mark.parametrize(
    "url", ["sqlite:///{folder}/no/such/folder.db", "postgresql://u@/x?host={folder}"]
)
@pytest.mark.parametrize("call", [lambda state: state.transcript(TRANSCRIPT_ID), State.migrate])
def test_an_unreachable_database_is_a_transient_failure(
    url: str, call: Callable[[State], object], tmp_path: Path
) -> None:
    with (
        closing(State(url.format(folder=tmp_path))) as state,
        pytest.raises(TransientError, match="database"),
    ):
        call(state)


def test_concurrent_writers_lose_no_events(state: State) -> None:
    def write(number: int) -> None:
        for _ in range(5):
            with state.unit_of_work(TRANSCRIPT_ID) as unit:
                unit.transcript.duration = (unit.transcript.duration or 0) + 1
                unit.emit("DURATION", {"writer": number})

    threads = [Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    transcript = state.transcript(TRANSCRIPT_ID)
    assert (transcript.duration, transcript.last_seq) == (20, 20)
    assert emitted(state) == [(number, "DURATION") for number in range(1, 21)]


def test_events_become_visible_in_order(state: State) -> None:
    start, seen = Barrier(2), list[list[int]]()

    def write() -> None:
        start.wait()
        for number in range(60):
            with state.unit_of_work(TRANSCRIPT_ID) as unit:
                unit.emit("DURATION", {"number": number})

    writers = [Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        with state.read_session() as session:
            seen.append(list(session.scalars(select(Event.seq).order_by(Event.seq))))
    for writer in writers:
        writer.join()

    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in seen)
    assert state.transcript(TRANSCRIPT_ID).last_seq == 120


def test_readers_do_not_wait_for_a_writer(state: State) -> None:
    with state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.transcript.title = "not yet"
        unit.session.flush()

        assert state.transcript(TRANSCRIPT_ID).title is None


def test_unloaded_words_are_kept(state: State) -> None:
    with state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.transcript.words = [word("hello", 0)]
    with state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.transcript.title = "Budget"

    assert state.transcript(TRANSCRIPT_ID).words == [word("hello", 0)]


def test_repeated_events_are_written_once(state: State) -> None:
    for _ in range(2):
        with state.unit_of_work(TRANSCRIPT_ID, EventSource("workflow-1/detect_topics")) as unit:
            unit.emit("TOPIC", {"id": "a"})
            unit.emit("TOPIC", {"id": "b"})

    assert emitted(state) == [(1, "TOPIC"), (2, "TOPIC")]


def test_changed_data_is_another_event(state: State) -> None:
    for title in ("Budget", "Budget", "Plans"):
        with state.unit_of_work(TRANSCRIPT_ID, EventSource("workflow-1/generate_title")) as unit:
            unit.emit("FINAL_TITLE", {"title": title})

    assert [row.data["title"] for row in event_rows(state)] == ["Budget", "Plans"]


def test_two_units_of_work_of_one_source_emit_two_events(state: State) -> None:
    source = EventSource("workflow-1/detect_topics")
    for _ in range(2):
        with state.unit_of_work(TRANSCRIPT_ID, source) as unit:
            unit.emit("TOPIC", {"id": "a"})

    assert emitted(state) == [(1, "TOPIC"), (2, "TOPIC")]


def test_rolled_back_events_are_not_counted(state: State) -> None:
    source = EventSource("workflow-1/detect_topics")

    def fail() -> None:
        with state.unit_of_work(TRANSCRIPT_ID, source) as unit:
            unit.emit("TOPIC", {"id": "a"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    for next_source in (source, EventSource("workflow-1/detect_topics")):
        with state.unit_of_work(TRANSCRIPT_ID, next_source) as unit:
            unit.emit("TOPIC", {"id": "a"})

    assert emitted(state) == [(1, "TOPIC")]


def test_another_workflow_emits_another_event(state: State) -> None:
    for key in ("workflow-1/generate_title", "workflow-2/generate_title"):
        with state.unit_of_work(TRANSCRIPT_ID, EventSource(key)) as unit:
            unit.emit("FINAL_TITLE", {"title": "Budget"})

    assert emitted(state) == [(1, "FINAL_TITLE"), (2, "FINAL_TITLE")]


def test_status_is_emitted_on_each_change(state: State) -> None:
    for status in ("processing", "processing", "error", "processing", "ended", "ended"):
        with state.unit_of_work(TRANSCRIPT_ID, EventSource("workflow-1/any")) as unit:
            unit.set_status(status)

    values = [row.data["value"] for row in event_rows(state)]
    assert values == ["processing", "error", "processing", "ended"]
    assert state.transcript(TRANSCRIPT_ID).status == "ended"


def test_branches_are_counted_once(state: State) -> None:
    counts = []
    with state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.expect_branches("workflow-1", "pad_track", ["pad_track_0", "pad_track_1"])
    for number, done in ((0, False), (1, True), (1, True), (1, False), (0, True)):
        with state.unit_of_work(TRANSCRIPT_ID) as unit:
            counts.append(
                unit.record_branch("workflow-1", "pad_track", f"pad_track_{number}", done=done)
            )

    assert counts == [(0, 2), (1, 2), (1, 2), (1, 2), (2, 2)]


def test_a_repeated_fork_resets_its_branches(state: State) -> None:
    for _ in range(2):
        with state.unit_of_work(TRANSCRIPT_ID) as unit:
            unit.expect_branches("workflow-1", "pad_track", ["pad_track_0"])
            done = unit.record_branch("workflow-1", "pad_track", "pad_track_0", done=False)
            assert done == (0, 1)
            unit.record_branch("workflow-1", "pad_track", "pad_track_0", done=True)


def test_a_recordings_workflow_is_replaced_only_on_request(state: State) -> None:
    def workflow_id() -> str | None:
        recording = state.recording_of(state.transcript(TRANSCRIPT_ID))
        return recording.workflow_id if recording else None

    seen = []
    for workflow, replace in (("w-1", False), ("w-0", False), ("w-2", True)):
        with state.unit_of_work(TRANSCRIPT_ID) as unit:
            unit.assign_workflow(workflow, replace=replace)
        seen.append(workflow_id())

    assert seen == ["w-1", "w-1", "w-2"]


def test_a_meeting_is_inserted_and_updated(state: State) -> None:
    started_at = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    for people in (None, 3):
        meeting = MeetingRow(
            id="session-1", room_name="standup", started_at=started_at, max_participants=people
        )
        state.store_meeting("rec-1", meeting)
    state.store_meeting("rec-unknown", MeetingRow(id="session-2"))

    with state.read_session() as session:
        (row,) = session.query(MeetingRow).all()
    assert (row.room_id, row.room_name, row.max_participants) == ("room-1", "standup", 3)
    assert row.started_at == started_at
    recording = state.recording_of(state.transcript(TRANSCRIPT_ID))
    assert recording is not None
    assert recording.meeting_id == "session-1"


def test_datetimes_keep_their_time_zone(state: State) -> None:
    created = state.transcript(TRANSCRIPT_ID).created_at

    assert created.tzinfo is UTC
    assert abs((datetime.now(UTC) - created).total_seconds()) < 60


def test_unstorable_characters_are_replaced(state: State) -> None:
    with state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.transcript.title = "a\x00b\ud800c ☃"
        unit.emit("FINAL_TITLE", {"title": "a\x00b\ud800c ☃"})

    assert state.transcript(TRANSCRIPT_ID).title == "a\ufffdb\ufffdc ☃"
    with pytest.raises(PermanentError):
        state.transcript("\ud800")


def test_listeners_are_called_after_each_commit(state: State) -> None:
    notified: list[str] = []
    with state.commit_listener(notified.append):
        with state.unit_of_work(TRANSCRIPT_ID) as unit:
            unit.transcript.title = "Budget"
            assert notified == []
        with pytest.raises(RuntimeError), state.unit_of_work(TRANSCRIPT_ID):
            raise RuntimeError
    with state.unit_of_work(TRANSCRIPT_ID):
        pass

    assert notified == [TRANSCRIPT_ID]


def test_unknown_rows_are_none(state: State) -> None:
    assert state.transcript_id_of_recording("rec-unknown") is None
    assert state.room(None) is None
    assert state.room("nowhere") is None
