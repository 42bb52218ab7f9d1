"""Other kinds of fleets: renamed, with hard-coded hosts, attached, and in a container."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.fleets.verdicts import REFERENCE_TOML, replaced, statuses, verify
from trackproof.contracts.load import load_contracts
from trackproof.errors import TestbedError
from trackproof.fleet.launchers import ContainerFleet
from trackproof.fleet.profile import Container
from trackproof.lab import free_port
from trackproof.testbed.conductor import ConductorServer
from trackproof.testbed.docker import docker_engine, has_image
from trackproof.testbed.processes import ManagedProcess
from trackproof.testbed.stand_ins.credentials import Credentials
from trackproof.wait import wait_until

FLEETS = Path(__file__).parents[2] / "fleets"
BASE_IMAGE = "trackproof/jre-base:17"
NODE_IMAGE = "trackproof/node-fleet-test"
KEYS = Credentials()


def ids_of_the_pipeline() -> set[str]:
    return {clause.id for clause in load_contracts().pipeline_clauses}


pytestmark = pytest.mark.conductor


OF_THE_LIFECYCLE = frozenset(
    f"pipeline.{name}"
    for name in (
        "payloads",
        "large-lists",
        "denied-lists",
        "late-result",
        "heartbeat",
        "terminated",
        "drain",
        "orphans",
    )
)
"""Clauses that start the fleet again, wait for something or need a large meeting."""


@pytest.mark.parametrize(
    "clauses",
    [
        sorted(ids_of_the_pipeline() - OF_THE_LIFECYCLE),
        pytest.param(sorted(OF_THE_LIFECYCLE), marks=pytest.mark.nightly),
    ],
    ids=["meetings", "lifecycle"],
)
def test_renamed_fleet_passes_the_whole_pipeline(
    clauses: list[str], conductor: ConductorServer, tmp_path: Path
) -> None:
    only = ",".join([*clauses, "mixdown_tracks.presigned-sources"])

    verdict = verify(FLEETS / "renamed" / "fleet.toml", conductor, only, tmp_path / "verdict.json")

    # A busy machine can make a clause unsteady; a name that is not understood fails it twice.
    assert set(statuses(verdict).values()) <= {"passed", "unsteady"}, verdict


@pytest.mark.nightly
def test_hard_coded_host_is_routed_to_the_testbed(
    conductor: ConductorServer, tmp_path: Path
) -> None:
    # The reference fleet's default is https://api.daily.co/v1.
    profile = tmp_path / "fleet.toml"
    profile.write_text(
        replaced(REFERENCE_TOML, ('DAILY_API_URL = "{daily.url}"\n', ""))
        + '\n[intercept]\n"api.daily.co/v1" = "{daily.url}"\n'
    )
    only = "get_recording.output,get_recording.transient-errors"

    verdict = verify(profile, conductor, only, tmp_path / "verdict.json")

    assert verdict["verdict"] == "held", verdict
    assert set(statuses(verdict).values()) == {"passed"}


def test_attached_fleet_passes_and_keeps_running(
    conductor: ConductorServer, tmp_path: Path
) -> None:
    services, s3 = free_port(), free_port()
    database = f"sqlite:///{tmp_path / 'state.db'}"
    environment = {
        "CONDUCTOR_SERVER_URL": conductor.api_url,
        "DAILY_API_URL": f"http://127.0.0.1:{services}/daily",
        "DAILY_API_KEY": KEYS.daily_key,
        "S3_ENDPOINT_URL": f"http://127.0.0.1:{s3}",
        "S3_ACCESS_KEY_ID": "trackproof",
        "S3_SECRET_ACCESS_KEY": "trackproof-secret",
        "DATABASE_URL": database,
        "DATA_DIR": str(tmp_path / "data"),
    }
    profile = tmp_path / "fleet.toml"
    profile.write_text(
        replaced(
            REFERENCE_TOML,
            (
                'command = ["{python}", "-m", "reference_workers"]\n',
                f'attach = true\ndatabase = "{database}"\n',
            ),
        )
        + f"\n[ports]\nservices = {services}\ns3 = {s3}\n"
    )
    running = ManagedProcess(
        "attached fleet",
        [sys.executable, "-m", "reference_workers"],
        log_path=tmp_path / "fleet.log",
        env={**os.environ, **environment},
    )
    try:
        only = "get_participants.names,cleanup_consent.deletes"
        verdict = verify(profile, conductor, only, tmp_path / "verdict.json")

        assert verdict["verdict"] == "held", (verdict, running.tail())
        assert set(statuses(verdict).values()) == {"passed"}
        assert running.poll() is None
    finally:
        running.stop()


@pytest.fixture(scope="module")
def node_image() -> Iterator[str]:
    """Build an image with Node; skip where that is not possible."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    try:
        with docker_engine() as engine:
            if not has_image(engine, BASE_IMAGE):
                pytest.skip(f"image {BASE_IMAGE} is missing; see docs/conductor.md")
            with tempfile.TemporaryDirectory() as context:
                shutil.copy(Path(node).resolve(), Path(context, "node"))
                Path(context, "Dockerfile").write_text(
                    f"FROM {BASE_IMAGE}\nCOPY node /usr/local/bin/node\n"
                )
                engine.images.build(path=context, tag=NODE_IMAGE, rm=True)
    except TestbedError as error:
        pytest.skip(f"{error.what}: {error.evidence.splitlines()[0]}")
    yield NODE_IMAGE
    with docker_engine() as engine:
        engine.images.remove(NODE_IMAGE, force=True)


@pytest.mark.docker
def test_container_fleet_passes_and_is_removed(
    node_image: str, conductor: ConductorServer, tmp_path: Path
) -> None:
    folder = tmp_path / "node"
    shutil.copytree(FLEETS / "node", folder)
    profile = folder / "fleet.toml"
    container = (
        f'\n[container]\nimage = "{node_image}"\ncommand = ["node", "/fleet/fleet.js"]\n'
        'mounts = { "/fleet" = "." }\n'
    )
    text = replaced(profile.read_text(), ('command = ["node", "fleet.js"]\n', "")) + container
    profile.write_text(text)
    only = "merge_transcripts.sorted,merge_transcripts.event,send_webhook.signature"

    verdict = verify(profile, conductor, only, tmp_path / "verdict.json")

    assert verdict["verdict"] == "held", verdict
    assert set(statuses(verdict).values()) == {"passed"}
    with docker_engine() as engine:
        assert engine.containers.list(all=True, filters={"ancestor": node_image}) == []


@pytest.mark.docker
def test_sigterm_to_a_container_shows_its_exit(node_image: str) -> None:
    waits = "process.on('SIGTERM', () => process.exit(3)); setInterval(() => {}, 1000);"
    hello = "console.log('ready');"
    fleet = ContainerFleet("sample", Container(node_image, ("node", "-e", waits + hello)), {})
    try:
        wait_until(lambda: "ready" in fleet.log(), what="the container's command", timeout=30)
        assert (fleet.poll(), fleet.ended_at()) == (None, None)

        fleet.request_end()

        ended_at = wait_until(fleet.ended_at, what="its exit", timeout=30)
        assert (fleet.poll(), fleet.ended_at()) == (3, ended_at)
    finally:
        fleet.stop()


def test_fleet_that_serves_a_part_in_its_domain_is_judged_by_that_part(
    conductor: ConductorServer, tmp_path: Path
) -> None:
    # Its verdict fails: it plans branches without their inputs.
    only = "generate_dynamic_fork_tasks.branches,generate_dynamic_fork_tasks.inputs"

    verdict = verify(FLEETS / "part" / "fleet.toml", conductor, only, tmp_path / "verdict.json")

    assert statuses(verdict) == {
        "generate_dynamic_fork_tasks.branches": "passed",
        "generate_dynamic_fork_tasks.inputs": "failed",
    }
    assert verdict["serves"] == ["generate_dynamic_fork_tasks"]
    assert "the fleet serves 1 of 15 task types: 2 of " in verdict["scope"]
