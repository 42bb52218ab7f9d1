from __future__ import annotations

from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from reference_workers.errors import PermanentError, TransientError
from reference_workers.state.repository import State
from tests.unit.reference_workers.bench import TRANSCRIPT_ID, Bench


def test_a_result_and_its_events_are_seen_together_or_not_at_all(bench: Bench) -> None:
    def half() -> None:
        with bench.clients.state.edit(TRANSCRIPT_ID) as edit:
            edit.transcript.title = "half"
            edit.emit("FINAL_TITLE", {"title": "half"})
            raise RuntimeError("the power is gone")

    with pytest.raises(RuntimeError, match="power"):
        half()

    assert bench.transcript().title is None
    assert bench.events() == []


def test_editing_what_is_not_there_is_final(bench: Bench) -> None:
    with (
        pytest.raises(PermanentError, match="there is no transcript 'nowhere'"),
        bench.clients.state.edit("nowhere"),
    ):
        pass


def test_a_database_that_does_not_answer_may_do_so_later(tmp_path: Path) -> None:
    with (
        closing(State(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}")) as state,
        pytest.raises(TransientError, match="database"),
    ):
        state.transcript(TRANSCRIPT_ID)


def test_writers_wait_for_each_other_and_no_event_is_lost(bench: Bench) -> None:
    def write(number: int) -> None:
        for _ in range(5):
            with bench.clients.state.edit(TRANSCRIPT_ID) as edit:
                edit.transcript.duration = (edit.transcript.duration or 0) + 1
                edit.emit("DURATION", {"writer": number})

    threads = [Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert bench.transcript().duration == 20
    assert len(bench.events("DURATION")) == 20


def test_tables_can_be_asked_for_twice(bench: Bench) -> None:
    bench.clients.state.create_tables()

    assert bench.transcript().id == TRANSCRIPT_ID


def test_a_recording_without_a_transcript_has_none(bench: Bench) -> None:
    assert bench.clients.state.transcript_id_of_recording("rec-unknown") is None
    assert bench.clients.state.room(None) is None
    assert bench.clients.state.room("nowhere") is None
