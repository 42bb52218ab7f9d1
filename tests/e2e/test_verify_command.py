"""`trackproof verify` and `replay`, as a user runs them, against a fleet with a known bug."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest
from junitparser import JUnitXml

from trackproof.fleet.load_profile import SHIPPED
from trackproof.testbed.conductor import ConductorServer
from trackproof.wait import wait_until

pytestmark = pytest.mark.conductor

CLAUSE = "get_participants.names"
MUTANT = "get_participants.names-by-position"


def trackproof(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trackproof", *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )


@pytest.fixture
def faulty_profile(tmp_path: Path) -> Path:
    """Write the profile of a fleet that assigns participant names by position."""
    text = (SHIPPED / "reference.toml").read_text()
    command = 'command = ["{python}", "-m", "reference_workers"]'
    assert command in text
    launched = f'command = ["{{python}}", "-m", "tests.mutants.launch", "{MUTANT}", '
    path = tmp_path / "faulty.toml"
    path.write_text(text.replace(command, f'{launched}"reference_workers"]'))
    return path


def test_a_failure_is_reported_stored_and_replayed(
    faulty_profile: Path, conductor: ConductorServer, tmp_path: Path
) -> None:
    server = ("--conductor", conductor.base_url)
    files = {kind: tmp_path / f"report.{kind}" for kind in ("json", "junit", "ndjson", "html")}
    options = [part for kind, path in files.items() for part in (f"--{kind}", str(path))]

    done = trackproof(
        "verify",
        "--fleet",
        faulty_profile.name,
        "--only",
        CLAUSE,
        *server,
        *options,
        folder=tmp_path,
    )

    assert done.returncode == 1, done.stdout + done.stderr
    report = json.loads(files["json"].read_text())
    assert report["verdict"] == "failed"
    [clause] = report["tasks"][0]["clauses"]
    assert clause["id"] == CLAUSE
    assert "Ada Lovelace" in clause["observed"]
    assert report["coverage"]["tasks"]["exercised"] == ["get_participants"]
    endpoints = {one["operation"]: one["answers"] for one in report["coverage"]["endpoints"]}
    assert endpoints["GET /meetings/{id}/participants"] == {"200": 1}
    assert JUnitXml.fromfile(str(files["junit"])).failures == 1
    lines = [json.loads(line) for line in files["ndjson"].read_text().splitlines()]
    assert lines[-1]["event"] == "verify_ended"
    [result] = [line["result"] for line in lines if line["event"] == "clause_finished"]
    for part in (CLAUSE, clause["failure"], "task ended"):
        assert part in files["html"].read_text()

    # Stored below the current folder; a replay uses the same ids.
    failure = clause["failure"]
    assert f"trackproof replay {failure}" in done.stdout
    [stored] = (tmp_path / ".trackproof" / "failures").glob("*.json")
    assert stored.stem == failure
    sent = json.loads(stored.read_text())["inputs"][0]["sent"]
    assert sent == json.loads(result["exchanges"][0]["sent"])

    again = trackproof("replay", failure, *server, folder=tmp_path)
    assert again.returncode == 1, again.stdout + again.stderr
    assert again.stdout.splitlines()[-1] == f"STILL FAILING: {failure}"
    assert sent["transcript_id"] in again.stdout

    fixed = trackproof("replay", CLAUSE, "--fleet", "reference", *server, folder=tmp_path)
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr
    assert fixed.stdout.splitlines()[-1] == f"FIXED: {failure}"

    listed = trackproof("replay", folder=tmp_path)
    assert listed.returncode == 0
    assert listed.stdout.startswith(failure)


def test_a_removed_test_cannot_be_replayed(conductor: ConductorServer, tmp_path: Path) -> None:
    failures = tmp_path / ".trackproof" / "failures"
    failures.mkdir(parents=True)
    failure = {
        "id": "get_participants.names-0a1b2c",
        "clause": CLAUSE,
        "text": "",
        "seed": "TASK-003",
        "test": "test_get_participants.py::test_of_yesterday",
        "fleet": "reference",
        "id_seed": "1795653142-6eca032aa04b",
        "version": "3.15.0",
        "database": "sqlite",
        "time_scale": 0.001,
        "inputs": [],
        "expected": "",
        "observed": "",
        "stored_at": "",
    }
    (failures / f"{failure['id']}.json").write_text(json.dumps(failure))

    done = trackproof("replay", CLAUSE, "--conductor", conductor.base_url, folder=tmp_path)

    assert done.returncode == 2
    assert "test_of_yesterday of get_participants.names any more" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.nightly
def test_a_kept_testbed_runs_until_it_is_interrupted(
    conductor: ConductorServer, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    with output.open("wb") as file:
        run = psutil.Popen(
            [
                *(sys.executable, "-m", "trackproof", "verify", "--only", CLAUSE, "--keep"),
                *("--conductor", conductor.base_url),
            ],
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                "PYTHONUNBUFFERED": "1",
                "TMPDIR": str(tmp_path),
            },
        )
    try:
        wait_until(
            lambda: "  folder  " in output.read_text() or run.poll() is not None,
            what="the addresses of the testbed",
            timeout=120,
        )
        text = output.read_text()
        assert run.poll() is None, text
        addresses = dict(line.split() for line in text.partition("Ctrl-C:\n")[2].splitlines())
        started = run.children(recursive=True)
        before = text.partition("The testbed runs")[0]
        assert "HELD: 1 of 1 clauses" in before
        [command] = re.findall("^Explain one: trackproof (.*)$", before, re.MULTILINE)
        explained = trackproof(*shlex.split(command), folder=tmp_path)
        assert explained.returncode == 0, explained.stderr
        assert "get_participants" in explained.stdout
        assert httpx.get(addresses["s3"]).status_code == 200
        assert Path(addresses["folder"], "fleet.log").exists()

        run.send_signal(signal.SIGINT)

        assert run.wait(timeout=60) == 0, output.read_text()
        _, alive = psutil.wait_procs(started, timeout=20)
        assert alive == []
        assert list(tmp_path.glob("trackproof-*")) == []
    finally:
        if run.is_running():
            run.kill()
