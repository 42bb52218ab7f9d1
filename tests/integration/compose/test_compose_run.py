"""One meeting through the deployment of tools/compose/compose.yaml, in real containers."""

from __future__ import annotations

import json
import re
import shlex
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from fixtures_audio import make_meeting
from tests.e2e.product import KEY, announce
from tests.e2e.runbook.recipes import RUNBOOK
from tests.integration.compose.deployment import (
    IMAGES,
    Deployment,
    compose_command,
    host_of_containers,
    reachable_from_containers,
)
from trackproof.errors import TestbedError
from trackproof.fleet.profile import Ports
from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET, Testbed, free_port
from trackproof.runs.scenario import Scenario
from trackproof.testbed.docker import docker_engine, has_image
from trackproof.wait import wait_until

pytestmark = [
    *(pytest.mark.docker, pytest.mark.conductor, pytest.mark.nightly),
    pytest.mark.timeout(600),
]

TOKEN = "a-token-of-the-test-deployment"
ROOM = """
from contextlib import closing
import json, sys
from reference_workers.platform.state.models import Room
from reference_workers.platform.state.repository import State
from reference_workers.settings import Settings
with closing(State(Settings().database_url)) as state, state.write_session() as session:
    session.add(Room(**json.loads(sys.argv[1])))
"""


@dataclass(frozen=True)
class Running:
    deployment: Deployment
    testbed: Testbed
    host: str
    api: httpx.Client
    webhook_url: str


@pytest.fixture(scope="module")
def compose() -> tuple[str, ...]:
    """Return the command of Compose; skip where it, an engine or an image is missing."""
    command = compose_command()
    if command is None:
        pytest.skip("Docker Compose 2 or newer is not installed")
    try:
        with docker_engine() as engine:
            missing = [image for image in IMAGES if not has_image(engine, image)]
    except TestbedError as error:
        pytest.skip(f"{error.what}: {error.evidence.splitlines()[0]}")
    if missing:
        pytest.skip(f"images are missing: {', '.join(missing)}; `nox -s compose` builds them")
    return command


@pytest.fixture(scope="module")
def running(
    compose: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Start the deployment with the stand-ins of the testbed as outside services."""
    project = f"trackproof-test-{uuid.uuid4().hex[:8]}"
    deployment = Deployment(compose, project, tmp_path_factory.mktemp("compose") / "env")
    services, s3, conductor, ui, api, trigger = (free_port() for _ in range(6))
    host = host_of_containers()
    environment = {
        "POSTGRES_PASSWORD": uuid.uuid4().hex,
        "API_TOKENS": TOKEN,
        "DAILY_WEBHOOK_SECRET": KEY,
        "TRANSCRIPT_URL": "",
        "LLM_URL": "",
        "CONDUCTOR_PORT": str(conductor),
        "CONDUCTOR_UI_PORT": str(ui),
        "API_PORT": str(api),
        "TRIGGER_PORT": str(trigger),
        "RECORDING_BUCKET": RECORDING_BUCKET,
        "TRANSCRIPT_BUCKET": TRANSCRIPT_BUCKET,
        "TRIGGER_POLL_SECONDS": "3600",
        "CONDUCTOR_FALLBACK": "true",
    }
    with ExitStack() as stack:
        stack.enter_context(reachable_from_containers(host, (services, s3)))
        stack.callback(_end, deployment)
        deployment.configure({**environment, "TRANSCRIPT_URL": "later", "LLM_URL": "later"})
        deployment.run("up", "--detach", "--wait", "conductor")
        testbed = stack.enter_context(
            Testbed.started(
                conductor=f"http://127.0.0.1:{conductor}/api",
                version="3.15.0",
                report=print,
                database="sqlite",
                ports=Ports(services=services, s3=s3),
            )
        )
        deployment.configure({**environment, **_outside_services(testbed, host)})
        deployment.run("--profile", "legacy", "up", "--detach", "--wait")
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{api}", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        stack.enter_context(client)
        webhook_url = f"http://127.0.0.1:{trigger}/webhooks/daily"
        yield Running(deployment, testbed, host, client, webhook_url)


def _end(deployment: Deployment) -> None:
    """End the deployment; nothing of it is left."""
    before = deployment.leftovers()
    deployment.run("--profile", "legacy", "down", "--volumes")
    assert before != []
    assert deployment.leftovers() == []


def _outside_services(testbed: Testbed, host: str) -> dict[str, str]:
    values = testbed.variables()
    urls = {
        "DAILY_API_URL": values["daily.url"],
        "TRANSCRIPT_URL": values["modal.url"],
        "LLM_URL": values["llm.url"],
        "ZULIP_URL": values["zulip.url"],
        "S3_ENDPOINT_URL": values["s3.endpoint"],
    }
    return {name: url.replace("127.0.0.1", host) for name, url in urls.items()} | {
        "DAILY_API_KEY": values["daily.key"],
        "TRANSCRIPT_MODAL_API_KEY": values["modal.key"],
        "LLM_API_KEY": values["llm.key"],
        "ZULIP_BOT_EMAIL": values["zulip.email"],
        "ZULIP_API_KEY": values["zulip.key"],
        "S3_ACCESS_KEY_ID": values["s3.access_key"],
        "S3_SECRET_ACCESS_KEY": values["s3.secret_key"],
        "S3_REGION": values["s3.region"],
    }


def transcript_of(running: Running, folder: Path) -> dict[str, object]:
    """Announce a meeting of a new room as Daily does, and return its ended transcript."""
    scenario = Scenario.create(make_meeting(tracks=2, seconds=6, seed=3), folder / "audio")
    webhook = running.testbed.served.urls["webhook"].replace("127.0.0.1", running.host)
    room = scenario.rows(f"{webhook}/{scenario.room_name}", "secret")["room"]
    running.deployment.run("exec", "-T", "api", "python", "-c", ROOM, json.dumps(room))
    scenario.publish(running.testbed)
    transcript_id = announce(running.webhook_url, scenario).json()["transcript_id"]

    def ended() -> dict[str, object] | None:
        transcript: dict[str, object] = running.api.get(f"/transcripts/{transcript_id}").json()
        assert transcript["status"] != "error"
        return transcript if transcript["status"] == "ended" else None

    transcript = wait_until(
        ended,
        what="the transcript to end",
        timeout=120,
        evidence=lambda: running.deployment.run("logs", "--tail", "40", "workers", "trigger"),
    )
    ledger = running.testbed.stand_ins.ledger
    wait_until(
        lambda: [one for one in ledger.requests("webhook") if scenario.room_name in one.path],
        what="the webhook",
        timeout=60,
    )
    return transcript


def test_a_meeting_becomes_a_transcript_in_the_deployment(running: Running, tmp_path: Path) -> None:
    transcript = transcript_of(running, tmp_path)

    words = running.api.get(f"/transcripts/{transcript['id']}/words").json()
    assert words["total"] > 4
    assert transcript["title"]
    assert running.api.get("/conductor/health").json()["status"] == "healthy"
    conductor = running.testbed.conductor.api_url.removesuffix("/api")
    assert httpx.get(f"{conductor}/health").status_code == 200
    assert httpx.get(f"{conductor}/swagger-ui/index.html").status_code == 200


def test_the_workers_are_replicas_without_root(running: Running) -> None:
    ids = running.deployment.run("ps", "--quiet", "workers").split()
    users = {
        name: running.deployment.run("exec", "-T", name, "id", "-u").strip()
        for name in ("conductor", "postgres", "redis", "api", "trigger", "workers")
    }

    assert len(ids) == 2
    assert "0" not in users.values()


def test_the_commands_of_the_runbook_work(running: Running) -> None:
    page = RUNBOOK.read_text(encoding="utf-8")
    commands = re.findall(r"`docker compose ([^`]*\bup [^`]+)`", page)
    counts = {}
    try:
        for command in commands:
            running.deployment.run(*shlex.split(command))
            counts[command] = len(running.deployment.run("ps", "--quiet", "workers").split())
    finally:
        running.deployment.run("up", "--detach", "workers")  # as many as the file says

    assert len(commands) == 3
    assert [count for command, count in counts.items() if "workers=4" in command] == [4]


def test_a_meeting_goes_to_the_legacy_worker_while_conductor_is_down(
    running: Running, tmp_path: Path
) -> None:
    running.deployment.run("stop", "conductor")
    try:
        assert transcript_of(running, tmp_path)["title"]
    finally:
        running.deployment.run("start", "conductor")
