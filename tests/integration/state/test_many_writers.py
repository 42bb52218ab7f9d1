"""Fifteen worker processes that write to one database concurrently."""

from __future__ import annotations

from contextlib import closing

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reference_workers.platform.state.models import Event, Transcript
from reference_workers.platform.state.repository import State
from tests.bench.state_writes import EVENTS_A_TASK, write_at_once

PROCESSES = 15
TRANSCRIPTS = 5
"""Three processes write to each, so that they contend for rows as well as for the file."""


@pytest.mark.nightly
@pytest.mark.timeout(240)
def test_fifteen_processes_write_thousands_of_tasks(each_database_url: str) -> None:
    assert_all_written(each_database_url, tasks=200)


def assert_all_written(url: str, *, tasks: int) -> None:
    with closing(State(url)) as state:
        state.migrate()
        with Session(state.engine) as session, session.begin():
            session.add_all(Transcript(id=f"transcript-{n}") for n in range(TRANSCRIPTS))

        transcripts = [f"transcript-{n % TRANSCRIPTS}" for n in range(PROCESSES)]
        written = write_at_once(url, transcripts, tasks)

        assert (written.failed, written.warnings) == (0, "")
        with state.read_session() as session:
            numbers = session.execute(
                select(func.count(), func.min(Event.seq), func.max(Event.seq)).group_by(
                    Event.transcript_id
                )
            ).all()
        expected = PROCESSES // TRANSCRIPTS * tasks * EVENTS_A_TASK
        assert [tuple(row) for row in numbers] == [(expected, 1, expected)] * TRANSCRIPTS
