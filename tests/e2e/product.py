"""A product with both pipelines: workers, trigger, legacy worker, and Daily's webhooks."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import create_engine, text

from fixtures_audio import make_meeting
from tests.e2e.running_fleet import running_fleet
from trackproof.fleet import REFERENCE, Fleet
from trackproof.lab import RECORDING_BUCKET, Testbed, free_port
from trackproof.runs.scenario import Scenario
from trackproof.testbed import database
from trackproof.testbed.conductor import ConductorServer
from trackproof.testbed.processes import ManagedProcess
from trackproof.testbed.stand_ins.daily_webhooks import ready_event, signature_headers
from trackproof.wait import wait_until

KEY = base64.b64encode(b"key of the tests").decode()
MEETING_SECONDS = 60
NOWHERE = "http://127.0.0.1:9/api"
LEGACY_WORKER = (
    *("celery", "-A", "reference_workers.platform.legacy.worker", "worker", "--pool", "solo"),
    *("--loglevel", "info", "--without-gossip", "--without-mingle", "--without-heartbeat"),
)
LEGACY = {"CONDUCTOR_ENABLED": "false"}
SHADOW = {"CONDUCTOR_ENABLED": "true", "CONDUCTOR_SHADOW_MODE": "true"}
CONDUCTOR = {"CONDUCTOR_ENABLED": "true", "CONDUCTOR_SHADOW_MODE": "false"}
CONDUCTOR_ONLY = {**CONDUCTOR, "CONDUCTOR_FALLBACK": "false"}


@dataclass(frozen=True)
class Product:
    """Workers, legacy worker and database of one product."""

    testbed: Testbed
    fleet: Fleet
    environment: Mapping[str, str]
    folder: Path

    def rows(self, query: str, **parameters: Any) -> list[Mapping[str, Any]]:
        return list(database.rows(self.fleet.database_url, query, **parameters))

    @contextmanager
    def trigger(self, switch: Mapping[str, str]) -> Iterator[str]:
        """Run a trigger with this switch; yield the URL for Daily's webhooks."""
        port = free_port()
        log = self.folder / f"trigger-{port}.log"
        command = (sys.executable, "-m", "reference_workers.platform.trigger")
        environment = {**self.environment, **switch, "TRIGGER_PORT": str(port)}
        process = ManagedProcess("trigger", command, log_path=log, env=environment)
        try:
            url = f"http://127.0.0.1:{port}/webhooks/daily"
            wait_for_trigger(url, evidence=process.tail)
            yield url
        finally:
            process.stop()

    def finished_meeting(self) -> Scenario:
        """Store a room, of which Daily has a finished recording."""
        scenario = Scenario.create(make_meeting(tracks=2, seconds=6, seed=3), self.folder / "audio")
        room = {
            "id": scenario.room_id,
            "name": scenario.room_name,
            "webhook_url": f"{self.testbed.served.urls['webhook']}/{scenario.room_name}",
        }
        engine = create_engine(self.fleet.database_url)
        with engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO rooms (id, name, webhook_url, webhook_secret, zulip_stream) "
                    "VALUES (:id, :name, :webhook_url, 'secret', 'meetings')"
                ),
                room,
            )
        engine.dispose()
        scenario.publish(self.testbed)
        return scenario

    def wait_for_transcripts(self, scenario: Scenario, count: int) -> list[Mapping[str, Any]]:
        """Return the ended transcripts of a recording, that of a shadow run last."""
        query = (
            "SELECT t.* FROM transcripts t LEFT JOIN transcripts live ON t.shadow_of = live.id "
            "WHERE coalesce(t.recording_id, live.recording_id) = :id "
            "ORDER BY t.shadow_of IS NOT NULL"
        )

        def ended() -> list[Mapping[str, Any]] | None:
            rows = self.rows(query, id=scenario.recording_id)
            done = [row for row in rows if row["status"] == "ended"]
            return done if len(done) == len(rows) == count else None

        return wait_until(ended, what="the transcripts to end", timeout=MEETING_SECONDS)

    def wait_for_workflows(self, ids: Sequence[str]) -> None:
        """Wait until these workflows are complete, deliveries included."""
        wait_until(
            lambda: {self.testbed.rest.workflow(one)["status"] for one in ids} == {"COMPLETED"},
            what="the workflows to complete",
            timeout=MEETING_SECONDS,
        )

    def recording(self, scenario: Scenario) -> Mapping[str, Any]:
        [row] = self.rows("SELECT * FROM recordings WHERE id = :id", id=scenario.recording_id)
        return row

    def deliveries(self, scenario: Scenario) -> tuple[int, int]:
        """Return how many webhooks and Zulip messages a room got."""
        ledger = self.testbed.stand_ins.ledger
        webhooks = [one for one in ledger.requests("webhook") if scenario.room_name in one.path]
        messages = [
            one
            for one in ledger.requests("zulip")
            if one.path.endswith("/messages") and scenario.room_name in str(one.body)
        ]
        return len(webhooks), len(messages)


def wait_for_trigger(url: str, evidence: Callable[[], str] = str) -> None:
    """Wait until a trigger answers."""
    wait_until(lambda: _refuses(url), what="the trigger", timeout=60, evidence=evidence)


def _refuses(url: str) -> bool:
    """Return whether the trigger answers: an event without a signature is refused."""
    try:
        return httpx.post(url, content=b"{}").status_code == httpx.codes.UNAUTHORIZED
    except httpx.TransportError:
        return False


def announce(url: str, scenario: Scenario) -> httpx.Response:
    """Send Daily's webhook for a recording, which has the track of a screen too."""
    keys = [*scenario.track_keys, "acme/1-eve-screen-video-2"]
    body = ready_event(scenario.recording_id, scenario.room_name, keys)
    headers = signature_headers(body, KEY)
    return httpx.post(url, content=body, headers=headers, timeout=60)


@contextmanager
def start_product(
    conductor: ConductorServer, folder: Path, *, with_legacy: bool = True
) -> Iterator[Product]:
    """Start the workers and the legacy worker; a trigger starts with `Product.trigger`."""
    environment = {
        **REFERENCE.environment,
        "DAILY_WEBHOOK_SECRET": KEY,
        "RECORDING_BUCKET": RECORDING_BUCKET,
        "TRIGGER_POLL_SECONDS": "3600",
    }
    profile = replace(REFERENCE, environment=environment)
    with ExitStack() as stack:
        testbed, fleet = stack.enter_context(running_fleet(conductor, profile))
        fleet.register(testbed.rest.api_url)
        if with_legacy:
            legacy = ManagedProcess(
                "legacy worker",
                (sys.executable, "-m", *LEGACY_WORKER),
                log_path=folder / "legacy.log",
                cwd=folder,
                env=fleet.environment,
            )
            stack.callback(legacy.stop)
        yield Product(testbed, fleet, fleet.environment, folder)
