"""`trackproof up` and `server`, as a shell uses them, leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from trackproof.testbed.conductor import ConductorServer
from trackproof.wait import wait_until

pytestmark = pytest.mark.conductor

FLEET = Path(__file__).parents[2] / "fleets" / "part"

SOURCE = """
set -e
source <({python} -m trackproof up --fleet {fleet}/fleet.toml)
cd {fleet}
{python} migrate.py
{python} worker.py > {folder}/fleet.log 2>&1 &
echo "$! $TESTBED_PID $TESTBED_FOLDER"
"""
"""Starts a testbed in the background, and a fleet by hand with its variables."""


def polls(server: ConductorServer, since_ms: float) -> bool:
    data = httpx.get(f"{server.api_url}/tasks/queue/polldata?taskType=generate_dynamic_fork_tasks")
    # Other fleets on this server poll without a domain, and then the field is missing.
    return any(
        one.get("domain") == "part" and one["lastPollTime"] >= since_ms for one in data.json()
    )


def test_a_fleet_started_by_hand_polls_with_the_variables_of_a_testbed(
    conductor: ConductorServer, tmp_path: Path
) -> None:
    scratch = tmp_path / "it's ö"
    scratch.mkdir()
    script = SOURCE.format(python=sys.executable, fleet=FLEET, folder=tmp_path)
    environment = {"CONDUCTOR_SERVER_URL": conductor.api_url, "TMPDIR": str(scratch)}
    now = psutil.Process().create_time() * 1000

    with (tmp_path / "notes").open("w") as notes:  # a pipe would stay open as long as the testbed
        shell = subprocess.run(
            ["bash", "-c", script],
            stdout=subprocess.PIPE,
            stderr=notes,
            text=True,
            timeout=100,
            env={**os.environ, **environment},
            check=False,
        )
    assert shell.returncode == 0, (tmp_path / "notes").read_text()
    fleet, testbed = (psutil.Process(int(pid)) for pid in shell.stdout.split()[:2])
    try:
        wait_until(lambda: polls(conductor, now), what="the fleet to poll", timeout=30)
        assert list(scratch.iterdir()) != []

        testbed.send_signal(signal.SIGTERM)

        wait_until(lambda: not testbed.is_running(), what="the testbed to end", timeout=30)
        assert list(scratch.iterdir()) == []
        assert httpx.get(f"{conductor.base_url}/health").json()["healthy"]
    finally:
        for process in (fleet, testbed):
            if process.is_running():
                process.kill()


@pytest.mark.nightly
def test_two_versions_run_side_by_side_and_end_with_their_signals(tmp_path: Path) -> None:
    verbs = {
        version: psutil.Popen(
            [sys.executable, "-m", "trackproof", "server", "--version", version],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
        for version in ("3.15.0", "3.21.14")
    }
    try:
        urls = {version: verb.stdout.readline().strip() for version, verb in verbs.items()}
        assert len(set(urls.values())) == 2
        for url in urls.values():
            assert httpx.get(f"{url.removesuffix('/api')}/health").json()["healthy"]
        children = [child for verb in verbs.values() for child in verb.children(recursive=True)]

        verbs["3.15.0"].send_signal(signal.SIGINT)
        verbs["3.21.14"].send_signal(signal.SIGTERM)

        assert [verb.wait(timeout=30) for verb in verbs.values()] == [0, 0]
        _, alive = psutil.wait_procs(children, timeout=5)
        assert alive == []
        assert list(tmp_path.iterdir()) == []
    finally:
        for verb in verbs.values():
            verb.stdout.close()
            if verb.is_running():
                verb.kill()
