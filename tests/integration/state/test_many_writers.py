"""Fifteen workers as processes of their own, all writing to one database at once."""

from __future__ import annotations

from contextlib import closing

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reference_workers.state.models import Event, Transcript
from reference_workers.state.repository import State
from tests.bench.writing import EVENTS_A_TASK, write_at_once

PROCESSES = 15
TRANSCRIPTS = 5
"""Three processes write to each, so that they meet on rows as well as on the file."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("tasks", [20, pytest.param(200, marks=pytest.mark.nightly)])
def test_fifteen_processes_write_at_once_without_an_error(
    each_database_url: str, tasks: int
) -> None:
    with closing(State(each_database_url)) as state:
        state.migrate()
        with Session(state.engine) as session, session.begin():
            session.add_all(Transcript(id=f"transcript-{n}") for n in range(TRANSCRIPTS))

        written = write_at_once(
            each_database_url, [f"transcript-{n % TRANSCRIPTS}" for n in range(PROCESSES)], tasks
        )

        assert (written.failed, written.complaints) == (0, "")
        with state.reads() as session:
            numbers = session.execute(
                select(func.count(), func.min(Event.seq), func.max(Event.seq)).group_by(
                    Event.transcript_id
                )
            ).all()
        expected = PROCESSES // TRANSCRIPTS * tasks * EVENTS_A_TASK
        assert [tuple(row) for row in numbers] == [(expected, 1, expected)] * TRANSCRIPTS
