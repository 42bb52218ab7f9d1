"""Harness for workers: clients with stand-ins, a local S3 server and a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from fixtures_audio import Track, write_track
from reference_workers.context import Clients, Context
from reference_workers.executor import Outcome, execute_task
from reference_workers.platform.state.models import Event, Transcript
from reference_workers.platform.state.repository import State
from reference_workers.settings import Settings
from trackproof.testbed.s3.server import S3Server
from trackproof.testbed.stand_ins import Credentials, DailyParticipant, DailyRecording, StandIns

RECORDINGS = "recordings"
TRANSCRIPTS = "transcripts"
TRANSCRIPT_ID = "transcript-1"
WEBHOOK_URL = "https://webhook.stand-in.test/hooks/meetings"

Json = dict[str, Any]


def settings(s3: S3Server, folder: Path, **changes: Any) -> Settings:
    """Return settings for the stand-ins, `s3` and a database in `folder`."""
    keys = Credentials()
    values: Json = {
        "daily_api_url": "https://daily.stand-in.test",
        "daily_api_key": keys.daily_key,
        "transcript_url": "https://modal.stand-in.test",
        "transcript_modal_api_key": keys.modal_key,
        "llm_url": "https://llm.stand-in.test",
        "llm_api_key": keys.llm_key,
        "zulip_url": "https://zulip.stand-in.test",
        "zulip_bot_email": keys.zulip_email,
        "zulip_api_key": keys.zulip_key,
        "s3_endpoint_url": s3.endpoint,
        "s3_access_key_id": s3.access_key,
        "s3_secret_access_key": s3.secret_key,
        "s3_region": s3.region,
        "transcript_bucket": TRANSCRIPTS,
        "database_url": f"sqlite:///{folder / 'state.db'}",
        "data_dir": folder / "data",
        "frontend_url": "https://notes.test",
    }
    return Settings(**{**values, **changes})


def stand_ins() -> StandIns:
    """Return stand-ins with one recording of two participants."""
    return StandIns(
        daily_recordings=[
            DailyRecording("rec-1", "standup", 1_700_000_000, 61, mtg_session_id="session-1"),
            DailyRecording("rec-lonely", "standup", 1_700_000_000, 5),
        ],
        daily_participants={
            "session-1": [
                DailyParticipant("p-ada", 1_700_000_001, 60, "user-1", "Ada Lovelace"),
                DailyParticipant("p-guest", 1_700_000_003, 55),
            ],
            "session-empty": [],
        },
    )


def meeting_rows(
    *,
    track_keys: Iterable[str] = ("standup/p-ada-cam-audio-1", "standup/p-guest-cam-audio-2"),
    granted: Mapping[str, bool] | None = None,
    room: Mapping[str, Any] | None = None,
    transcript: Mapping[str, Any] | None = None,
) -> Json:
    """Return a meeting for `reference_workers.platform.seed`."""
    return {
        "room": {
            "id": "room-1",
            "name": "Standup",
            "webhook_url": WEBHOOK_URL,
            "webhook_secret": Credentials().webhook_secret,
            "zulip_stream": "meetings",
            "zulip_topic": "Daily standup",
            **(room or {}),
        },
        "recording": {
            "id": "rec-1",
            "bucket_name": RECORDINGS,
            "track_keys": list(track_keys),
        },
        "transcript": {"id": TRANSCRIPT_ID, **(transcript or {})},
        "consents": [
            {"participant_id": who, "granted": answer} for who, answer in (granted or {}).items()
        ],
    }


def word(text: str, start: float, speaker: int = 0) -> Json:
    """Return a word of 0.1 s."""
    return {"word": text, "start": start, "end": round(start + 0.1, 6), "speaker": speaker}


def words(count: int) -> list[Json]:
    """Return words, half a second apart."""
    return [word(f"word{n}", n * 0.5) for n in range(count)]


def topic(title: str = "Budget", *, timestamp: float = 0.0, duration: float = 60.0) -> Json:
    """Return a topic."""
    return {
        "id": f"topic-{title}",
        "title": title,
        "summary": f"All about {title}.",
        "timestamp": timestamp,
        "duration": duration,
    }


@dataclass(frozen=True)
class WorkerHarness:
    """Executes tasks and inspects their effects."""

    clients: Clients
    stand_ins: StandIns
    s3: S3Server
    folder: Path

    @property
    def context(self) -> Context:
        """Context of a task's first attempt."""
        return Context(clients=self.clients, workflow_id="workflow-1", task_id="task-1")

    def attempt(self, number: int) -> Context:
        """Return the context of a later attempt; `number` counts from 0."""
        return replace(self.context, attempt=number)

    def execute(
        self, task_type: str, payload: Json, *, reference: str | None = None, attempt: int = 0
    ) -> Outcome:
        """Execute a task as the runner does."""
        name = reference or task_type
        context = replace(
            self.context, reference=name, attempt=attempt, task_id=f"task-{name}-{attempt}"
        )
        return execute_task(context, task_type, payload)

    def completed(self, task_type: str, payload: Json) -> Json:
        """Execute a task and return its output; fail unless it completes."""
        outcome = self.execute(task_type, payload)
        assert outcome.status == "COMPLETED", outcome.reason
        return outcome.output

    def transcript(self) -> Transcript:
        """Return the transcript's row."""
        return self.clients.state.transcript(TRANSCRIPT_ID)

    def events(self, name: str | None = None) -> list[Json]:
        """Return the data of all events with a name, or of all but progress events."""
        return [
            row.data
            for row in event_rows(self.clients.state)
            if row.event == name or (name is None and row.event != "PIPELINE_PROGRESS")
        ]

    def event_names(self) -> list[str]:
        """Return the names of all events but progress events."""
        rows = event_rows(self.clients.state)
        return [row.event for row in rows if row.event != "PIPELINE_PROGRESS"]

    def record(self, track: Track) -> str:
        """Upload a track to the recordings bucket; return its key."""
        path = self.folder / f"recorded-{track.index}.webm"
        write_track(track, path)
        return self.store(path, f"standup/track-{track.index}-cam-audio-1")

    def store(self, path: Path, key: str, *, bucket: str = RECORDINGS) -> str:
        """Upload a file; return its key."""
        self.s3.put_file(bucket, key, path)
        return key

    def download(self, key: str, *, bucket: str = TRANSCRIPTS) -> Path:
        """Download an object to a file."""
        path = self.folder / key.replace("/", "-")
        path.write_bytes(self.s3.read(bucket, key))
        return path

    def calls(self, service: str) -> int:
        """Return the number of requests to a stand-in."""
        return len(self.stand_ins.ledger.requests(service))


def event_rows(state: State) -> list[Event]:
    """Return all events, in order."""
    with Session(state.engine) as session:
        return list(session.scalars(select(Event).order_by(Event.transcript_id, Event.seq)))
