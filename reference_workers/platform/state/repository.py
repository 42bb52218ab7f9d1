"""Repository of the fleet's state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Engine, func, select, union
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session, aliased, defer

from reference_workers.errors import ConflictError, OutageError, PermanentError
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

_DISK_FULL = re.compile(r"disk is full|disk full|no space left", re.IGNORECASE)
"""What SQLite and PostgreSQL say."""

Row = TypeVar("Row", Recording, Room, Transcript)
Listener = Callable[[str], None]


class State:
    """The fleet's database; thread-safe."""

    def __init__(self, database_url: str) -> None:
        """Create the engines without connecting."""
        self.engine = open_engine(database_url)
        self._read_engine = read_only_engine(self.engine)
        self._listeners: list[Listener] = []

    def migrate(self) -> None:
        """Migrate to the newest revision; safe for concurrent processes.

        Raises:
            MigrationError: The tables were not created by migrations.
            TransientError: The database does not answer.
        """
        with _mapped_errors():
            schema_revision.upgrade(self.engine)

    @contextmanager
    def unit_of_work(
        self, transcript_id: str, source: EventSource | None = None
    ) -> Iterator[UnitOfWork]:
        """Open a transaction on a transcript; commits when the block succeeds.

        Args:
            transcript_id: The transcript, whose row is locked during the block.
            source: Source of the events, which makes repeated events idempotent; by default a
                new source.

        Raises:
            PermanentError: The transcript does not exist.
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
        """Call `listener` with the transcript id after each unit of work of this process.

        It runs on the committing thread and must be fast and not raise.
        """
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def transcript(self, transcript_id: str) -> Transcript:
        """Return a transcript, detached from the session.

        Raises:
            PermanentError: The transcript does not exist.
            TransientError: The database does not answer.
        """
        with self.read_session() as session:
            return _existing(session.get(Transcript, transcript_id), transcript_id)

    def recording_of(self, transcript: Transcript) -> Recording | None:
        """Return a transcript's recording; a shadow's is that of the transcript it shadows."""
        live = self._get(Transcript, transcript.shadow_of) or transcript
        return self._get(Recording, live.recording_id)

    def recording_by_workflow(self, workflow_id: str) -> Recording | None:
        """Return the recording of a workflow (seed STATE-001)."""
        with self.read_session() as session:
            query = select(Recording).where(Recording.workflow_id == workflow_id)
            return session.scalars(query).first()

    def workflows_of(self, transcript_id: str) -> list[str]:
        """Return the ids of all known workflows of a transcript."""
        of_recording = (
            select(Recording.workflow_id)
            .join(Transcript, Transcript.recording_id == Recording.id)
            .where(Transcript.id == transcript_id, Recording.workflow_id.is_not(None))
        )
        of_tasks = select(TaskCost.workflow_id).where(TaskCost.transcript_id == transcript_id)
        with self.read_session() as session:
            ids = session.scalars(union(of_recording, of_tasks))
            return [workflow_id for workflow_id in ids if workflow_id]

    def room(self, room_id: str | None) -> Room | None:
        """Return a room; None if it does not exist."""
        return self._get(Room, room_id)

    def consents(self, transcript_id: str) -> list[Consent]:
        """Return all consents of a transcript."""
        with self.read_session() as session:
            query = select(Consent).where(Consent.transcript_id == transcript_id)
            return list(session.scalars(query))

    def transcript_id_of_recording(self, recording_id: str) -> str | None:
        """Return the id of a recording's transcript."""
        with self.read_session() as session:
            query = select(Transcript.id).where(Transcript.recording_id == recording_id)
            return session.scalars(query).first()

    def shadow_id(self, transcript_id: str) -> str | None:
        """Return the id of the transcript that shadows another."""
        with self.read_session() as session:
            query = select(Transcript.id).where(Transcript.shadow_of == transcript_id)
            return session.scalars(query).first()

    def is_handed_over(self, transcript_id: str) -> bool:
        """Return whether the legacy pipeline processes a transcript instead of its workflow."""
        with self.read_session() as session:
            query = (
                select(Recording.legacy_task_id)
                .join(Transcript, Transcript.recording_id == Recording.id)
                .where(Transcript.id == transcript_id)
            )
            return session.scalars(query).first() is not None

    def store_workflow(self, recording_id: str, workflow_id: str) -> None:
        """Store the workflow that was started for a recording.

        Raises:
            PermanentError: The recording does not exist.
        """
        with self.write_session() as session:
            recording = session.get(Recording, recording_id)
            if recording is None:
                raise PermanentError(f"there is no recording {recording_id!r}")
            recording.workflow_id = workflow_id

    def recorded_seconds(self, transcript_id: str) -> float | None:
        """Return the length of a transcript's recording; None if it is unknown."""
        with self.read_session() as session:
            query = (
                select(Recording.duration)
                .join(Transcript, Transcript.recording_id == Recording.id)
                .where(Transcript.id == transcript_id)
            )
            return session.scalars(query).first()

    def track_count(self, transcript_id: str) -> int | None:
        """Return the number of tracks of a transcript's recording, 0 without a recording.

        None if there is no such transcript. A shadow's recording is that of the one it shadows.
        """
        live = aliased(Transcript)
        recording_id = func.coalesce(Transcript.recording_id, live.recording_id)
        query = (
            select(Transcript.id, Recording.track_keys)
            .outerjoin(live, Transcript.shadow_of == live.id)
            .outerjoin(Recording, Recording.id == recording_id)
            .where(Transcript.id == transcript_id)
        )
        with self.read_session() as session:
            row = session.execute(query).first()
        return None if row is None else len(row[1] or ())

    def store_duration(self, recording_id: str, seconds: float) -> None:
        """Store a recording's length; no effect for an unknown recording."""
        with self.write_session() as session:
            if (recording := session.get(Recording, recording_id)) is not None:
                recording.duration = seconds

    def store_meeting(self, recording_id: str, meeting: MeetingRow) -> None:
        """Insert or update a recording's meeting; no effect for an unknown recording."""
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
        """Open a read-only transaction, which neither blocks writers nor waits for them."""
        with self._session(self._read_engine) as session:
            yield session

    @contextmanager
    def write_session(self) -> Iterator[Session]:
        """Open a transaction; commits when the block succeeds.

        Raises:
            ConflictError: Another transaction wrote the same row first.
            TransientError: The database does not answer.
        """
        with self._session(self.engine) as session:
            try:
                with session.begin():
                    yield session
            except IntegrityError as error:
                raise ConflictError("database: another transaction wrote the same row") from error

    def close(self) -> None:
        """Close all connections."""
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
        raise OutageError(_cause(error)) from error
    except PoolTimeoutError as error:
        raise OutageError("database: every connection is in use") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise OutageError(_cause(error)) from error
        raise


def _cause(error: DBAPIError) -> str:
    is_full = _DISK_FULL.search(str(error.orig))
    return f"{'disk full: ' if is_full else ''}database: {error.orig}"


def _locked(session: Session, transcript_id: str) -> Transcript:
    """Return a transcript with its row locked; its words are loaded lazily."""
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
