"""Read and write the state: one transaction for a result and the events that tell of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, event, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from reference_workers.errors import PermanentError, TransientError
from reference_workers.state.models import Base, Consent, Event, Recording, Room, Transcript

BUSY_TIMEOUT_SECONDS = 15

Row = TypeVar("Row", Recording, Room)


class Edit:
    """One open transaction on one transcript."""

    def __init__(self, session: Session, transcript: Transcript) -> None:
        """Bind the transaction to its transcript row."""
        self._session = session
        self.transcript = transcript

    def emit(self, name: str, data: dict[str, Any]) -> None:
        """Append an event; it becomes visible together with the rest of the transaction."""
        row = Event(transcript_id=self.transcript.id, event=name, data=data)
        self._session.add(row)


class State:
    """The database behind the fleet."""

    def __init__(self, database_url: str) -> None:
        """Connect; on SQLite, readers and writers of many processes wait for each other."""
        self.engine = _engine(database_url)

    def create_tables(self) -> None:
        """Create what is missing."""
        Base.metadata.create_all(self.engine)

    @contextmanager
    def edit(self, transcript_id: str) -> Iterator[Edit]:
        """Open a transaction on a transcript; it is committed when the block ends well.

        Raises:
            PermanentError: There is no such transcript.
            TransientError: The database does not answer.
        """
        with self._session() as session, session.begin():
            yield Edit(session, _existing(session, transcript_id))

    def transcript(self, transcript_id: str) -> Transcript:
        """Return a transcript as it stands, detached from the database."""
        with self._session() as session:
            return _existing(session, transcript_id)

    def recording_of(self, transcript: Transcript) -> Recording | None:
        """Return the recording a transcript is made from."""
        return self._get(Recording, transcript.recording_id)

    def room(self, room_id: str | None) -> Room | None:
        """Return a room, if there is such a room."""
        return self._get(Room, room_id)

    def consents(self, transcript_id: str) -> list[Consent]:
        """Return every answer given to the question of consent."""
        with self._session() as session:
            query = select(Consent).where(Consent.transcript_id == transcript_id)
            return list(session.scalars(query))

    def transcript_id_of_recording(self, recording_id: str) -> str | None:
        """Return the id of the transcript that is made from a recording."""
        with self._session() as session:
            query = select(Transcript.id).where(Transcript.recording_id == recording_id)
            return session.scalars(query).first()

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def _get(self, table: type[Row], key: str | None) -> Row | None:
        if key is None:
            return None
        with self._session() as session:
            return session.get(table, key)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        try:
            with Session(self.engine, expire_on_commit=False) as session:
                yield session
        except OperationalError as error:
            raise TransientError(f"database: {error.orig}") from error


def _existing(session: Session, transcript_id: str) -> Transcript:
    transcript = session.get(Transcript, transcript_id)
    if transcript is None:
        raise PermanentError(f"there is no transcript {transcript_id!r}")
    return transcript


def _engine(database_url: str) -> Engine:
    engine = create_engine(database_url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _configure(connection: Any, _: Any) -> None:
            # The driver's own implicit BEGIN is a deferred one: two writers that read first
            # would deadlock. Off with it; see the "begin" listener.
            connection.isolation_level = None
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}")
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.close()

        @event.listens_for(engine, "begin")
        def _begin(connection: Any) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
