"""Every profile gets a verdict, and every verification leaves its reports."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from tests.integration.fleets.verdicts import REFERENCE_TOML, statuses, verify
from trackproof.fleet.load_profile import SHIPPED
from trackproof.testbed.conductor import ConductorServer
from trackproof.wait import wait_until

pytestmark = pytest.mark.conductor

MINIMAL = Path(__file__).parents[2] / "fleets" / "minimal"
FORK = "generate_dynamic_fork_tasks"
OPTIONAL = ("events_sql", "transcript_sql", "recording_sql", "register_command", "seed_command")
SUBSETS = [
    (),
    *(
        tuple(key for key, rows in zip(OPTIONAL, columns, strict=True) if row in rows)
        for columns in [list(itertools.combinations(range(5), 3))[: len(OPTIONAL)]]
        for row in range(5)
    ),
]
"""For any two keys, each combination of given and left out is in one of these subsets."""


def profile_with(keys: Sequence[str], *, prelude: str = "") -> str:
    """Return the reference fleet's profile with only these of its optional keys."""
    profile = tomllib.loads(REFERENCE_TOML)
    lines = ['name = "reference"', "command = " + json.dumps(command(prelude))]
    for key in keys:
        lines.append(f"{key} = {json.dumps(profile[key])}")
        if key == "seed_command":
            lines.append("seed_lines = true")
    environment = REFERENCE_TOML[REFERENCE_TOML.index("[environment]") :]
    return "\n".join([*lines, environment])


def command(prelude: str) -> list[str]:
    if not prelude:
        return ["{python}", "-m", "reference_workers"]
    run = "\nimport runpy\nrunpy.run_module('reference_workers', run_name='__main__')\n"
    return [sys.executable, "-c", prelude + run]


def test_the_subsets_cover_every_pair_of_keys() -> None:
    for one, other in itertools.combinations(OPTIONAL, 2):
        assert {(one in keys, other in keys) for keys in SUBSETS} == {
            (False, False),
            (False, True),
            (True, False),
            (True, True),
        }


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(keys, marks=pytest.mark.nightly, id="+".join(keys) or "none")
        for keys in SUBSETS  # in each run the wheel's tests judge a fleet without any
    ],
)
def test_any_subset_of_the_optional_keys_gets_a_verdict(
    keys: Sequence[str], conductor: ConductorServer, tmp_path: Path
) -> None:
    profile = tmp_path / "fleet.toml"
    profile.write_text(profile_with(keys))

    only = "get_recording,pipeline" if keys else "get_recording,finalize"

    verdict = verify(profile, conductor, only, tmp_path / "verdict.json")

    assert verdict["verdict"] in {"held", "failed"}
    assert verdict["coverage"] is not None
    assert len(statuses(verdict)) > 12
    assert statuses(verdict)["get_recording.output"] == "passed"


@pytest.mark.nightly
def test_declared_invisible_data_holds_in_part(conductor: ConductorServer, tmp_path: Path) -> None:
    profile = tmp_path / "fleet.toml"
    keys = ("transcript_sql", "register_command", "seed_command")
    declared = '\n[not_visible]\nevents = "the fleet keeps no events"\n'
    profile.write_text(profile_with(keys) + declared)

    verdict = verify(profile, conductor, "finalize", tmp_path / "verdict.json")

    assert verdict["verdict"] == "held in part"
    assert "not visible" in verdict["headline"]
    assert {"passed", "not_visible"} == set(statuses(verdict).values())


def test_a_clause_that_fails_once_is_unsteady(conductor: ConductorServer, tmp_path: Path) -> None:
    marker = tmp_path / "started-before"
    prelude = f"""
import pathlib
marker = pathlib.Path({str(marker)!r})
if not marker.exists():
    marker.touch()
    from reference_workers.workers import WORKERS
    right = WORKERS["merge_transcripts"]
    WORKERS["merge_transcripts"] = lambda context, **given: {{
        **right(context, **given), "word_count": 1_000_000
    }}
"""
    profile = tmp_path / "fleet.toml"
    profile.write_text(profile_with(OPTIONAL, prelude=prelude))

    only, events = "merge_transcripts.all-words", tmp_path / "events.ndjson"
    verdict = verify(profile, conductor, only, tmp_path / "verdict.json", "--ndjson", str(events))

    assert statuses(verdict) == {"merge_transcripts.all-words": "unsteady"}
    [clause] = verdict["tasks"][0]["clauses"]
    assert "it passed when it ran again alone" in clause["observed"]
    assert verdict["verdict"] == "failed"
    # The progress follows the second run too; only the final result is emitted.
    lines = [json.loads(line)["event"] for line in events.read_text().splitlines()]
    steps = [event for event in lines if event.startswith("clause_")]
    assert steps == ["clause_started", "clause_started", "clause_finished"]


@pytest.mark.nightly
def test_a_hung_worker_spoils_the_clause_it_hangs_in_only(
    conductor: ConductorServer, tmp_path: Path
) -> None:
    prelude = """
import time
from reference_workers.workers import WORKERS
right = WORKERS["merge_transcripts"]
def hang(context, **given):
    if len(str(given)) > 500_000:
        time.sleep(3600)
    return right(context, **given)
WORKERS["merge_transcripts"] = hang
"""
    profile = tmp_path / "fleet.toml"
    limits = "\n[limits]\ntask = 8\n"
    profile.write_text(profile_with(OPTIONAL, prelude=prelude) + limits)

    verdict = verify(profile, conductor, "merge_transcripts", tmp_path / "verdict.json")

    found = statuses(verdict)
    assert found.pop("merge_transcripts.large-meeting") == "failed"
    assert "failed" not in found.values()
    assert "passed" in found.values()


@pytest.mark.nightly
def test_a_refused_registration_fails_the_pipeline_once_and_judges_the_tasks(
    conductor: ConductorServer, tmp_path: Path
) -> None:
    profile = tmp_path / "fleet.toml"
    keys = ("events_sql", "transcript_sql", "recording_sql", "seed_command")
    overlay = '\n[overlay.workflow]\nownerEmail = ""\nname = "refused_pipeline"\n'
    renamed = '\n[workflow]\nname = "refused_pipeline"\n'
    profile.write_text(profile_with(keys) + renamed + overlay)

    verdict = verify(profile, conductor, "get_recording,pipeline", tmp_path / "verdict.json")

    clauses = {c["id"]: c for task in verdict["tasks"] for c in task["clauses"]}
    failed = [c for c in clauses.values() if c["status"] == "failed"]
    followers = [c for c in clauses.values() if "same cause as" in c["observed"]]
    assert clauses["get_recording.output"]["status"] == "passed"
    assert any("400" in c["observed"] and "owner" in c["observed"].lower() for c in failed)
    assert len(followers) > 5
    assert len(failed) <= 4


@pytest.mark.nightly
def test_an_interrupted_verification_leaves_its_results(
    conductor: ConductorServer, tmp_path: Path
) -> None:
    reports = {name: tmp_path / f"report.{name}" for name in ("json", "junit", "html", "ndjson")}
    options = [part for name, path in reports.items() for part in (f"--{name}", str(path))]
    running = subprocess.Popen(
        [
            *(sys.executable, "-m", "trackproof", "verify", "--conductor", conductor.api_url),
            *("--only", "get_recording,finalize", "--failures", str(tmp_path / "failures")),
            *options,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        wait_until(
            lambda: (
                reports["ndjson"].exists() and "clause_finished" in reports["ndjson"].read_text()
            ),
            what="the first clause",
            timeout=120,
        )
        running.send_signal(signal.SIGINT)
        code = running.wait(timeout=60)
    finally:
        running.kill()
        running.wait()

    assert code != 0
    verdict: dict[str, Any] = json.loads(reports["json"].read_text())
    assert verdict["verdict"] == "interrupted"
    assert "passed" in statuses(verdict).values()
    assert "INTERRUPTED" in reports["html"].read_text()
    assert JUnitXml.fromfile(str(reports["junit"])).errors == 1


def test_an_environment_that_cannot_start_leaves_one_junit_error(tmp_path: Path) -> None:
    report = tmp_path / "junit.xml"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "trackproof", "verify", "--conductor", "http://127.0.0.1:9"),
            *("--junit", str(report)),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 2, done.stdout + done.stderr
    parsed = JUnitXml.fromfile(str(report))
    assert (parsed.tests, parsed.errors) == (1, 1)
    [case] = next(iter(parsed))
    assert "127.0.0.1:9" in case.result[0].text


@pytest.mark.nightly
def test_merged_shards_give_the_verdict_of_the_whole(
    conductor: ConductorServer, tmp_path: Path
) -> None:
    reference = SHIPPED / "reference.toml"
    only = "get_recording,finalize,generate_title"

    whole = verify(reference, conductor, only, tmp_path / "whole.json")
    for number in (1, 2, 3):
        shard = tmp_path / "shards" / str(number) / "verdict.json"
        shard.parent.mkdir(parents=True)
        verify(reference, conductor, only, shard, "--shard", f"{number}/3")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "trackproof", "report", "merge", tmp_path / "shards"),
            *("--json", tmp_path / "merged.json"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    merged = json.loads((tmp_path / "merged.json").read_text())
    assert done.returncode == 0, done.stdout + done.stderr
    assert merged["headline"] == whole["headline"]
    assert list(statuses(merged)) == list(statuses(whole))
    for part in ("clauses", "tasks", "edges", "events"):
        assert merged["coverage"][part] == whole["coverage"][part]


@pytest.mark.nightly
def test_the_first_failure_ends_it_and_the_last_failed_run_again(
    conductor: ConductorServer, tmp_path: Path
) -> None:
    fleet = MINIMAL / "fleet.toml"

    first = verify(fleet, conductor, FORK, tmp_path / "first.json", "-x")
    again = verify(fleet, conductor, FORK, tmp_path / "again.json", "--last-failed")

    assert statuses(first) == {f"{FORK}.bad-input": "failed"}
    assert "5 clauses did not run" in first["headline"]
    assert statuses(again) == {f"{FORK}.bad-input": "failed"}


@pytest.mark.nightly
def test_the_audio_of_a_failing_clause_is_kept(conductor: ConductorServer, tmp_path: Path) -> None:
    profile = tmp_path / "fleet.toml"
    mutant = [*("-m", "tests.mutants.launch"), "pad_track.padded-twice", "reference_workers"]
    right = json.dumps(["{python}", "-m", "reference_workers"])
    wrong = f'{json.dumps(["{python}", *mutant])}\ndirectory = "{Path(__file__).parents[3]}"'
    profile.write_text(REFERENCE_TOML.replace(right, wrong))

    verdict = verify(profile, conductor, "pad_track.offset", tmp_path / "verdict.json")

    [clause] = verdict["tasks"][0]["clauses"]
    kept = [Path(path) for path in clause["audio"]]
    assert clause["status"] == "failed"
    assert [path.name.partition("-")[0] for path in kept] == ["input", "output"]
    assert {path.parent for path in kept} == {tmp_path / "failures" / clause["failure"]}
    assert all(path.stat().st_size > 1000 for path in kept)
