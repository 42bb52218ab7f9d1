"""Fleets of others are verified like any other.

The one in Node has its own names and units; the one in Go uses Conductor's SDK and PostgreSQL; the
one with llama-index requests everything from its LLM through that library.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.fleets import go_fleet
from tests.integration.fleets.verdicts import replaced, statuses, verify
from trackproof.testbed.conductor import ConductorServer

FLEETS = Path(__file__).parents[2] / "fleets"
NODE_FLEET = FLEETS / "node" / "fleet.toml"
TASKS = ("generate_dynamic_fork_tasks", "merge_transcripts", "send_webhook")
MILLISECONDS = '{ name = "from_ms", unit = "ms" }'
WHOLE_SECONDS = 900
GO_SAMPLE = (
    "cleanup_consent.deletes",
    "detect_topics.chunks",
    "generate_dynamic_fork_tasks.by-index",
    "get_participants.names",
    "merge_transcripts.sorted",
    "send_webhook.signature",
    "transcribe_track.sorted",
)

pytestmark = [
    pytest.mark.conductor,
    pytest.mark.timeout(go_fleet.BUILD_SECONDS + WHOLE_SECONDS),
]
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")


@needs_node
def test_node_fleet_passes_in_its_own_terms(conductor: ConductorServer, tmp_path: Path) -> None:
    verdict = verify(NODE_FLEET, conductor, ",".join(TASKS), tmp_path / "verdict.json")

    assert verdict["verdict"] == "held", verdict
    clause_statuses = statuses(verdict)
    assert {name.partition(".")[0] for name in clause_statuses} == set(TASKS)
    assert set(clause_statuses.values()) == {"passed"}


@pytest.mark.nightly
@needs_node
def test_profile_with_a_wrong_unit_fails(conductor: ConductorServer, tmp_path: Path) -> None:
    shutil.copytree(NODE_FLEET.parent, tmp_path / "node")
    profile = tmp_path / "node" / "fleet.toml"
    output = f'"all_words[].start" = {MILLISECONDS}'
    wrong = replaced(profile.read_text(), (output, '"all_words[].start" = "from_ms"'))
    profile.write_text(wrong)

    verdict = verify(profile, conductor, "merge_transcripts.speakers", tmp_path / "verdict.json")

    assert statuses(verdict) == {"merge_transcripts.speakers": "failed"}


def assert_serves(profile: Path, conductor: ConductorServer, folder: Path, *options: str) -> None:
    """Check that a fleet passes every clause of the tasks that it serves."""
    tasks = tomllib.loads(profile.read_text())["serves"]

    verdict = verify(
        profile,
        conductor,
        ",".join(tasks),
        folder / "verdict.json",
        *options,
        seconds=WHOLE_SECONDS,
    )

    clause_statuses = statuses(verdict)
    assert {name.partition(".")[0] for name in clause_statuses} == set(tasks)
    # A busy machine can make a clause unsteady; a clause that the fleet breaks fails twice.
    assert set(clause_statuses.values()) <= {"passed", "unsteady"}, verdict


@pytest.fixture(scope="module")
def go_profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the profile of a new build of the Go fleet."""
    return go_fleet.build(tmp_path_factory.mktemp("go-fleet"))


def test_go_fleet_passes(
    go_profile: Path,
    conductor: ConductorServer,
    new_database: Callable[[str], str],
    tmp_path: Path,
) -> None:
    database = ("--database", new_database("postgres"))

    verdict = verify(
        go_profile, conductor, ",".join(GO_SAMPLE), tmp_path / "verdict.json", *database
    )

    assert verdict["verdict"] == "held", verdict
    assert statuses(verdict) == dict.fromkeys(GO_SAMPLE, "passed")


@pytest.mark.nightly
def test_go_fleet_passes_every_clause_of_its_tasks(
    go_profile: Path,
    conductor: ConductorServer,
    new_database: Callable[[str], str],
    tmp_path: Path,
) -> None:
    assert_serves(go_profile, conductor, tmp_path, "--database", new_database("postgres"))


@pytest.mark.nightly
def test_go_fleet_is_free_of_findings_and_its_modules_are_intact() -> None:
    go_fleet.require_go()

    go_fleet.go("vet", "-mod=readonly", ".")
    go_fleet.go("mod", "verify")


@pytest.fixture(scope="module")
def llama_profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the profile of the fleet with llama-index, in a new environment of its own."""
    folder = tmp_path_factory.mktemp("llama") / "llama_index"
    shutil.copytree(FLEETS / "llama_index", folder)
    python = folder / "environment" / "bin" / "python"
    for command in (
        ["venv", "--python", sys.executable, str(folder / "environment")],
        ["pip", "install", "--python", str(python), "--require-hashes", "-r", "requirements.txt"],
    ):
        subprocess.run(
            [sys.executable, "-m", "uv", *command, "--quiet"], check=True, cwd=folder, timeout=240
        )
    profile = folder / "fleet.toml"
    contracts = FLEETS.parents[1] / "contracts" / "releases"
    profile.write_text(
        replaced(
            profile.read_text(),
            ('\ncommand = ["{python}"', f'\ncommand = ["{python}"'),
            ('"../../../contracts/releases/', f'"{contracts}/'),
        )
    )
    return profile


@pytest.mark.nightly
def test_llama_index_fleet_passes_every_clause_of_its_tasks(
    llama_profile: Path, conductor: ConductorServer, tmp_path: Path
) -> None:
    assert_serves(llama_profile, conductor, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("clause", "right", "wrong"),
    [
        (
            "detect_topics.chunks",
            "for number, group in enumerate(groups)",
            "for number, group in enumerate(groups[:-1])",
        ),
        ("generate_summary.calls", ".subjects[:MOST_SUBJECTS]", ".subjects[:20]"),
        ("generate_title.answer-shapes", 'text.rpartition("</think>")[2]', "text"),
    ],
)
def test_faults_of_the_llama_index_fleet_are_named(
    clause: str,
    right: str,
    wrong: str,
    llama_profile: Path,
    conductor: ConductorServer,
    tmp_path: Path,
) -> None:
    shutil.copytree(llama_profile.parent, tmp_path / "faulty", symlinks=True)
    minutes = tmp_path / "faulty" / "minutes.py"
    minutes.write_text(replaced(minutes.read_text(), (right, wrong)))

    verdict = verify(
        tmp_path / "faulty" / "fleet.toml", conductor, clause, tmp_path / "verdict.json"
    )

    assert statuses(verdict) == {clause: "failed"}
