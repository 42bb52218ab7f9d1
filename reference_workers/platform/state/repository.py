"""Read and write the state: one transaction for a result and the events that tell of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Engine, select, union
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session, defer

from reference_workers.errors import ConflictError, PermanentError, TransientError
from reference_workers.platform.state import schema_revision
from reference_workers.platform.state.database import open_engine, read_only_engine
from reference_workers.platform.state.models import (
    Consent,
    MeetingRow,
    Recording,
    Room,
    TaskCost,
    Transcript,
)
from reference_workers.platform.state.unit_of_work import EventSource, UnitOfWork

Row = TypeVar("Row", Recording, Room)
Listener = Callable[[str], None]


class State:
    """The database behind the fleet; safe to share among threads."""

    def __init__(self, database_url: str) -> None:
        """Prepare to connect; on SQLite, writers of many processes wait for each other."""
        self.engine = open_engine(database_url)
        self._read_engine = read_only_engine(self.engine)
        self._listeners: list[Listener] = []

    def migrate(self) -> None:
        """Bring the database to the newest revision; many processes may ask for it at once.

        Raises:
            MigrationError: The tables that are there were not made by migrations.
            TransientError: The database does not answer.
        """
        with _mapped_errors():
            schema_revision.upgrade(self.engine)

    @contextmanager
    def unit_of_work(
        self, transcript_id: str, source: EventSource | None = None
    ) -> Iterator[UnitOfWork]:
        """Open a transaction on a transcript; it is committed when the block ends well.

        Args:
            transcript_id: The transcript whose row is locked until the end of the block.
            source: Who tells, so that the same event is not told twice; nobody in particular
                by default.

        Raises:
            PermanentError: There is no such transcript.
            TransientError: The database does not answer.
        """
        source = source or EventSource()
        with self._session(self.engine) as session, session.begin():
            unit = UnitOfWork(session, _locked(session, transcript_id), source)
            yield unit
        source.emitted += unit.emitted
        for listener in tuple(self._listeners):
            listener(transcript_id)

    @contextmanager
    def commit_listener(self, listener: Listener) -> Iterator[None]:
        """Have `listener` called with a transcript's id after each edit by this process.

        It is called on the editor's thread, and so has to be quick and raise nothing.
        """
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def transcript(self, transcript_id: str) -> Transcript:
        """Return a transcript as it stands, detached from the database.

        Raises:
            PermanentError: There is no such transcript.
            TransientError: The database does not answer.
        """
        with self.read_session() as session:
            return _existing(session.get(Transcript, transcript_id), transcript_id)

    def recording_of(self, transcript: Transcript) -> Recording | None:
        """Return the recording a transcript is made from."""
        return self._get(Recording, transcript.recording_id)

    def recording_by_workflow(self, workflow_id: str) -> Recording | None:
        """Return the recording that a workflow works on (seed STATE-001)."""
        with self.read_session() as session:
            query = select(Recording).where(Recording.workflow_id == workflow_id)
            return session.scalars(query).first()

    def workflows_of(self, transcript_id: str) -> list[str]:
        """Return the ids of all workflows known to have worked on a transcript."""
        of_recording = (
            select(Recording.workflow_id)
            .join(Transcript, Transcript.recording_id == Recording.id)
            .where(Transcript.id == transcript_id, Recording.workflow_id.is_not(None))
        )
        of_tasks = select(TaskCost.workflow_id).where(TaskCost.transcript_id == transcript_id)
        with self.read_session() as session:
            return [found for found in session.scalars(union(of_recording, of_tasks)) if found]

    def room(self, room_id: str | None) -> Room | None:
        """Return a room, if there is such a room."""
        return self._get(Room, room_id)

    def consents(self, transcript_id: str) -> list[Consent]:
        """Return every answer given to the question of consent."""
        with self.read_session() as session:
            query = select(Consent).where(Consent.transcript_id == transcript_id)
            return list(session.scalars(query))

    def transcript_id_of_recording(self, recording_id: str) -> str | None:
        """Return the id of the transcript that is made from a recording."""
        with self.read_session() as session:
            query = select(Transcript.id).where(Transcript.recording_id == recording_id)
            return session.scalars(query).first()

    def store_workflow(self, recording_id: str, workflow_id: str) -> None:
        """Note which workflow works on a recording: for whoever starts one.

        Raises:
            PermanentError: There is no such recording.
        """
        with self.write_session() as session:
            recording = session.get(Recording, recording_id)
            if recording is None:
                raise PermanentError(f"there is no recording {recording_id!r}")
            recording.workflow_id = workflow_id

    def store_meeting(self, recording_id: str, meeting: MeetingRow) -> None:
        """Write or renew the session a recording was made in; nothing for an unknown recording."""
        with self.write_session() as session:
            recording = session.get(Recording, recording_id)
            if recording is None:
                return
            query = select(Transcript.room_id).where(Transcript.recording_id == recording_id)
            meeting.room_id = session.scalars(query).first()
            session.merge(meeting)
            session.flush()
            recording.meeting_id = meeting.id

    @contextmanager
    def read_session(self) -> Iterator[Session]:
        """Open a transaction that only reads: it waits for no writer, and no writer for it."""
        with self._session(self._read_engine) as session:
            yield session

    @contextmanager
    def write_session(self) -> Iterator[Session]:
        """Open a transaction of any kind; it is committed when the block ends well.

        Raises:
            ConflictError: Another was quicker to write the same row.
            TransientError: The database does not answer.
        """
        with self._session(self.engine) as session:
            try:
                with session.begin():
                    yield session
            except IntegrityError as error:
                raise ConflictError("database: another has written the same row") from error

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def _get(self, table: type[Row], key: str | None) -> Row | None:
        if key is None:
            return None
        with self.read_session() as session:
            return session.get(table, key)

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        with _mapped_errors(), Session(engine, expire_on_commit=False) as session:
            yield session


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise TransientError(f"database: {error.orig}") from error
    except PoolTimeoutError as error:
        raise TransientError("database: every connection is in use") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise TransientError(f"database: {error.orig}") from error
        raise


def _locked(session: Session, transcript_id: str) -> Transcript:
    """Return a transcript no other transaction writes; its words come only when asked for."""
    query = (
        select(Transcript)
        .where(Transcript.id == transcript_id)
        .options(defer(Transcript.words))
        .with_for_update(key_share=True)
    )
    return _existing(session.scalars(query).first(), transcript_id)


def _existing(transcript: Transcript | None, transcript_id: str) -> Transcript:
    if transcript is None:
        raise PermanentError(f"there is no transcript {transcript_id!r}")
    return transcript
