"""The processes of the product: `product.py migrate | trigger | legacy`."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from sqlalchemy import select

from reference_workers.context import Clients
from reference_workers.errors import WorkerError
from reference_workers.platform.legacy.pipeline import run_pipeline
from reference_workers.platform.state.models import Recording, Room, Transcript
from reference_workers.platform.state.repository import State
from reference_workers.settings import Settings

PATIENCE_SECONDS = 2.0
STARTING = threading.Lock()
TABLE = """CREATE TABLE IF NOT EXISTS jobs (recording PRIMARY KEY, counting, shadow DEFAULT '', run,
  old_job, taken DEFAULT 0, stopped DEFAULT 0, bucket, keys)"""


@contextmanager
def jobs() -> Iterator[sqlite3.Connection]:
    """Open a transaction on the product's own table."""
    with closing(sqlite3.connect(os.environ["JOBS"], timeout=30)) as connection:
        connection.row_factory = sqlite3.Row
        with connection:
            yield connection


def migrate() -> None:
    """Create the tables of the workers and of the product."""
    with closing(State(Settings().database_url)) as state:
        state.migrate()
    with jobs() as connection:
        connection.execute(TABLE)


def process_legacy_jobs() -> None:
    """Process the jobs of the legacy pipeline, one at a time, until SIGTERM."""
    while True:
        with jobs() as connection:
            query = "UPDATE jobs SET taken = 1 WHERE recording = (SELECT recording FROM jobs "
            query += "WHERE old_job IS NOT NULL AND NOT taken LIMIT 1) RETURNING *"
            job = connection.execute(query).fetchone()
        if job is None:
            time.sleep(0.1)
            continue
        with Clients.open(Settings()) as clients:
            try:
                run_pipeline(clients, job["counting"], job["bucket"], json.loads(job["keys"]))
            except WorkerError as error:
                sys.stderr.write(f"{job['recording']}: {error}\n")


class Trigger:
    """Starts each recording's pipelines once, at the position `MODE` of the switch."""

    def __init__(self, state: State, conductor: httpx.Client, mode: str) -> None:
        self._state, self._conductor, self._mode = state, conductor, mode
        self._silent_since: float | None = None

    def start(self, recording: dict[str, Any]) -> None:
        """Start a recording that has no job yet."""
        recording_id = recording.get("recording_id") or recording["id"]
        keys = [one["s3Key"] for one in recording["tracks"] if "-cam-audio-" in one["s3Key"]]
        with STARTING:
            with jobs() as connection:
                query = "SELECT 1 FROM jobs WHERE recording = ?"
                if connection.execute(query, [recording_id]).fetchone():
                    return
            counting, shadow = self._rows(recording_id, recording["room_name"], keys)
            with jobs() as connection:
                connection.execute(
                    "INSERT INTO jobs (recording, counting, shadow, bucket, keys) "
                    "VALUES (?, ?, ?, ?, ?)",
                    [recording_id, counting, shadow, os.environ["BUCKET"], json.dumps(keys)],
                )
            started = self._mode != "old" and self._start_run(
                recording_id, recording["room_name"], keys, shadow or counting
            )
            if self._mode in {"old", "both"} or (self._mode == "new" and not started):
                self._hand_over(recording_id)

    def _rows(self, recording_id: str, room_name: str, keys: list[str]) -> tuple[str, str]:
        counting, shadow = str(uuid.uuid4()), str(uuid.uuid4()) if self._mode == "both" else ""
        with self._state.write_session() as session:
            room = session.scalars(select(Room).where(Room.name == room_name)).one()
            bucket = os.environ["BUCKET"]
            session.add(Recording(id=recording_id, bucket_name=bucket, track_keys=keys))
            session.flush()
            session.add(
                Transcript(
                    id=counting, recording_id=recording_id, room_id=room.id, status="uploaded"
                )
            )
            if shadow:
                session.add(Transcript(id=shadow, shadow_of=counting, status="uploaded"))
        return counting, shadow

    def _start_run(self, recording_id: str, room: str, keys: list[str], subject: str) -> bool:
        given = {
            "recording_id": recording_id,
            "room_name": room,
            "tracks": [{"s3_key": key} for key in keys],
            "bucket_name": os.environ["BUCKET"],
            "transcript_id": subject,
            "room_id": None,
        }
        with self._state.read_session() as session:
            given["room_id"] = session.get_one(Transcript, subject).room_id
        body = {"name": "diarization_pipeline", "correlationId": subject, "input": given}
        try:
            answer = self._conductor.post("/workflow", json=body).raise_for_status()
        except httpx.HTTPError:
            return False
        with jobs() as connection:
            query = "UPDATE jobs SET run = ? WHERE recording = ?"
            connection.execute(query, [answer.text.strip('"'), recording_id])
        return True

    def _hand_over(self, recording_id: str) -> None:
        job = str(uuid.uuid4())
        with self._state.write_session() as session:  # the workers stop when they see it
            session.get_one(Recording, recording_id).legacy_task_id = job
        with jobs() as connection:
            query = "UPDATE jobs SET old_job = ? WHERE recording = ? AND old_job IS NULL"
            connection.execute(query, [job, recording_id])

    def look(self) -> None:
        """Hand running meetings over while Conductor is silent; stop their runs after that."""
        with jobs() as connection:
            query = "SELECT * FROM jobs WHERE run IS NOT NULL AND NOT stopped AND shadow = ''"
            found = connection.execute(query).fetchall()
        try:
            for job in found:
                answer = self._conductor.get(f"/workflow/{job['run']}?includeTasks=false")
                running = answer.raise_for_status().json()["status"] == "RUNNING"
                if running and job["old_job"]:
                    self._conductor.delete(f"/workflow/{job['run']}").raise_for_status()
                if job["old_job"] or not running:
                    with jobs() as connection:
                        query = "UPDATE jobs SET stopped = 1 WHERE recording = ?"
                        connection.execute(query, [job["recording"]])
            self._silent_since = None
        except httpx.HTTPError:
            self._silent_since = self._silent_since or time.monotonic()
            if time.monotonic() - self._silent_since > PATIENCE_SECONDS:
                for job in found:
                    if job["old_job"] is None:
                        self._hand_over(job["recording"])


def is_signed(body: bytes, stamp: str, signature: str) -> bool:
    """Return whether Daily has signed this body."""
    key = base64.b64decode(os.environ["DAILY_KEY"])
    digest = hmac.new(key, stamp.encode() + b"." + body, hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64encode(digest).decode(), signature)


def run_trigger() -> None:
    """Receive webhooks, poll Daily and watch running meetings until SIGTERM."""
    settings = Settings()
    state, conductor = (
        State(settings.database_url),
        httpx.Client(base_url=os.environ["CONDUCTOR_SERVER_URL"], timeout=5),
    )
    trigger = Trigger(state, conductor, os.environ["MODE"])

    class Hooks(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            stamp = self.headers.get("X-Webhook-Timestamp", "")
            signed = is_signed(body, stamp, self.headers.get("X-Webhook-Signature", ""))
            if signed:
                trigger.start(json.loads(body)["payload"])
            self.send_response(204 if signed else 403)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Hooks)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    daily = {"Authorization": f"Bearer {settings.daily_api_key.get_secret_value()}"}
    while True:
        answer = httpx.get(f"{settings.daily_api_url}/recordings", headers=daily, timeout=30)
        for recording in answer.raise_for_status().json()["data"]:
            trigger.start(recording)
        if os.environ["MODE"] == "new":
            trigger.look()
        time.sleep(float(os.environ["POLL"]))


if __name__ == "__main__":
    {
        "migrate": migrate,
        "legacy": process_legacy_jobs,
        "trigger": run_trigger,
    }[sys.argv[1]]()
