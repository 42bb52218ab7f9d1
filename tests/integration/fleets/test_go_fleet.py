"""A fleet in Go, with Conductor's SDK for Go and PostgreSQL, is verified like any other."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.fleets.verdicts import replaced, statuses, verify
from trackproof.testbed.conductor import ConductorServer

GO_FLEET = Path(__file__).parents[2] / "fleets" / "go"
BUILD_SECONDS = 400
WHOLE_SECONDS = 900
SAMPLE = (
    "cleanup_consent.deletes",
    "detect_topics.chunks",
    "generate_dynamic_fork_tasks.by-index",
    "get_participants.names",
    "merge_transcripts.sorted",
    "send_webhook.signature",
    "transcribe_track.sorted",
)

# The first build on a machine compiles Go's standard library too.
pytestmark = [pytest.mark.conductor, pytest.mark.timeout(WHOLE_SECONDS + BUILD_SECONDS)]


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the fleet outside the checkout; return a profile that starts this build."""
    require_go()
    folder = tmp_path_factory.mktemp("go-fleet")
    program = folder / "fleet"
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}
    done = subprocess.run(
        ["go", "build", "-mod=readonly", "-o", program, "."],
        cwd=GO_FLEET,
        env=environment,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    path = folder / "fleet.toml"
    path.write_text(
        replaced(
            (GO_FLEET / "fleet.toml").read_text(),
            ('\ncommand = ["./bin/fleet"]\n', f'\ncommand = ["{program}"]\n'),
            ('["./bin/fleet", "migrate"]', f'["{program}", "migrate"]'),
            ('directory = "."', f'directory = "{GO_FLEET}"'),
        )
    )
    return path


def require_go() -> None:
    """Skip where Go is missing or older than go.mod demands."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    installed = subprocess.run(
        ["go", "env", "GOVERSION"], cwd="/", capture_output=True, text=True, check=True
    ).stdout.strip()
    needed = re.search(r"^go (\S+)$", (GO_FLEET / "go.mod").read_text(), re.MULTILINE)
    assert needed is not None
    if release(installed.removeprefix("go")) < release(needed[1]):
        pytest.skip(f"the fleet needs Go {needed[1]}; {installed} is installed")


def release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version of Go, such as 1.24.0 or 1.25rc1."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def test_go_fleet_passes(
    profile: Path,
    conductor: ConductorServer,
    new_database: Callable[[str], str],
    tmp_path: Path,
) -> None:
    database = ("--database", new_database("postgres"))

    verdict = verify(profile, conductor, ",".join(SAMPLE), tmp_path / "verdict.json", *database)

    assert verdict["verdict"] == "held", verdict
    assert statuses(verdict) == dict.fromkeys(SAMPLE, "passed")


@pytest.mark.nightly
def test_go_fleet_passes_every_clause_of_its_tasks(
    profile: Path,
    conductor: ConductorServer,
    new_database: Callable[[str], str],
    tmp_path: Path,
) -> None:
    tasks = tomllib.loads(profile.read_text())["serves"]
    database = ("--database", new_database("postgres"))

    verdict = verify(
        profile,
        conductor,
        ",".join(tasks),
        tmp_path / "verdict.json",
        *database,
        seconds=WHOLE_SECONDS,
    )

    clause_statuses = statuses(verdict)
    assert {name.partition(".")[0] for name in clause_statuses} == set(tasks)
    # A busy machine can make a clause unsteady; a clause that the fleet breaks fails twice.
    assert set(clause_statuses.values()) <= {"passed", "unsteady"}, verdict
