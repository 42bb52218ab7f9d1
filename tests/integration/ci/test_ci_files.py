"""The GitHub action, the example workflow and the GitLab template."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ci.steps import CI, ActionRun, load
from tests.integration.installed import FLEET, uv
from trackproof.testbed.conductor import ConductorServer
from trackproof.testbed.conductor.versions import DEFAULT_VERSION, VERSIONS

JUDGE = "Verify the fleet, or merge the reports"
NAMES = "Name the jar, its checksum and the artifact"
FORK = "generate_dynamic_fork_tasks"
LINTER = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
SCHEMAS = {
    "action.yml": "vendor.github-actions",
    "example-workflow.yml": "vendor.github-workflows",
    "gitlab.yml": "vendor.gitlab-ci",
    "../compose/compose.yaml": "vendor.compose-spec",
}


@pytest.fixture(scope="module")
def check_jsonschema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program that carries the published schemas, in an environment of its own."""
    environment = tmp_path_factory.mktemp("schemas") / "venv"
    uv("venv", "--python", sys.executable, environment)
    uv("pip", "install", "--python", environment / "bin" / "python", "check-jsonschema")
    return environment / "bin" / "check-jsonschema"


@pytest.fixture
def action(tmp_path: Path) -> ActionRun:
    """Return a run in a repository with the minimal fleet, with trackproof installed."""
    workspace, temporary = tmp_path / "workspace", tmp_path / "temporary"
    shutil.copytree(FLEET, workspace)
    temporary.mkdir()
    (temporary / "trackproof").symlink_to(sys.prefix)
    return ActionRun(workspace, temporary, {})


@pytest.mark.parametrize("name", SCHEMAS)
def test_files_match_the_published_schemas(name: str, check_jsonschema: Path) -> None:
    done = subprocess.run(
        [check_jsonschema, "--builtin-schema", SCHEMAS[name], CI / name],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed")
def test_actionlint_accepts_the_workflow_and_its_use_of_the_action(tmp_path: Path) -> None:
    linter, repository = tmp_path / "bin", tmp_path / "repository"
    workflows = repository / ".github" / "workflows"
    workflows.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", repository], check=True)
    shutil.copytree(CI, repository / "tools" / "ci")
    example = (CI / "example-workflow.yml").read_text()
    assert example.count("OWNER/trackproof/tools/ci@main") == 2
    local = example.replace("OWNER/trackproof/tools/ci@main", "./tools/ci")
    (workflows / "verify.yml").write_text(local)
    environment = {"GOBIN": str(linter), "GOFLAGS": "-mod=mod"}
    subprocess.run(["go", "install", LINTER], check=True, env={**os.environ, **environment})

    done = subprocess.run(
        [linter / "actionlint", "-no-color"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_every_version_is_in_each_matrix_with_its_checksum() -> None:
    jobs = load("example-workflow.yml")["jobs"]
    gitlab = load("gitlab.yml")

    for job in jobs.values():
        assert job["strategy"]["matrix"]["conductor"] == list(VERSIONS)
    assert gitlab["trackproof-verdict"]["parallel"]["matrix"] == [{"VERSION": list(VERSIONS)}]
    assert {
        row["TRACKPROOF_CONDUCTOR_VERSION"]: row["JAR_SHA256"]
        for row in gitlab["trackproof"]["parallel"]["matrix"]
    } == {name: version.sha256 for name, version in VERSIONS.items()}
    assert load("action.yml")["inputs"]["conductor-version"]["default"] == DEFAULT_VERSION


def test_no_expression_of_github_is_inside_a_script() -> None:
    """A branch name with quotes would otherwise be run as a command."""
    steps = load("action.yml")["runs"]["steps"]

    assert [step["name"] for step in steps if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize(
    ("inputs", "artifact"),
    [
        pytest.param({}, "trackproof-3.15.0-whole", marks=pytest.mark.nightly),
        ({"shard": "1/3", "conductor-version": "3.32.3"}, "trackproof-3.32.3-shard-1-of-3"),
        pytest.param({"artifact": "acme"}, "acme", marks=pytest.mark.nightly),
        pytest.param({"merge": "s"}, "trackproof-3.15.0-merged", marks=pytest.mark.nightly),
    ],
    ids=str,
)
def test_the_jar_is_cached_by_its_checksum(
    inputs: dict[str, str], artifact: str, action: ActionRun
) -> None:
    action.inputs = {**action.inputs, **inputs}

    done = action.run(NAMES)

    version = VERSIONS[action.inputs["conductor-version"]]
    names = action.outputs["names"]
    assert done.returncode == 0, done.stderr
    assert names["artifact"] == artifact
    assert names["sha256"] == version.sha256
    assert names["path"].endswith(f"conductor-server-{version.name}-boot.jar")
    assert names["reports"] == str(action.workspace / "trackproof-reports")


@pytest.mark.conductor
@pytest.mark.nightly
def test_the_action_judges_a_fleet_and_merges_its_reports(
    action: ActionRun, conductor: ConductorServer
) -> None:
    action.run(NAMES)
    reports = Path(action.outputs["names"]["reports"])
    action.inputs = {
        **action.inputs,
        "conductor": conductor.api_url,
        "shard": "1/1",
        "options": f"--only {FORK}.branches,{FORK}.inputs -q",
    }

    judged = action.run(JUDGE)

    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert action.outputs["judge"]["verdict"] == "held"
    assert action.summary.startswith("Conductor 3.15.0: HELD: 2 of 2 clauses; shard 1/1")
    assert {path.name for path in reports.iterdir()} == {"verdict.json", "report.html", "junit.xml"}

    (action.workspace / "shards").mkdir()
    (reports / "verdict.json").rename(action.workspace / "shards" / "verdict.json")
    action.inputs = {**action.inputs, "merge": "shards"}
    merged = action.run(JUDGE)

    assert merged.returncode == 0, merged.stdout + merged.stderr
    verdict: dict[str, Any] = json.loads((reports / "verdict.json").read_text())
    assert verdict["headline"] == "HELD: 2 of 2 clauses"


def test_a_verification_that_cannot_start_fails_the_step(action: ActionRun) -> None:
    action.run(NAMES)
    action.inputs = {**action.inputs, "fleet": "no such.toml", "options": ""}

    done = action.run(JUDGE)

    assert done.returncode == 2
    assert action.outputs["judge"]["verdict"] == "interrupted"
    assert "INTERRUPTED" in action.summary


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_the_action_installs_its_own_revision(action: ActionRun) -> None:
    (action.temporary / "trackproof").unlink()
    action.outputs["python"] = {"python-path": sys.executable}

    done = action.run("Install trackproof")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("trackproof ")


@pytest.mark.conductor
@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_the_gitlab_jobs_judge_and_merge(conductor: ConductorServer, tmp_path: Path) -> None:
    shutil.copytree(FLEET, tmp_path, dirs_exist_ok=True)
    template = load("gitlab.yml")
    base = template[".trackproof"]
    variables = {
        "CI_PROJECT_DIR": str(tmp_path),
        "TRACKPROOF": f"{CI.parents[1]}[lab]",
        "TRACKPROOF_FLEET": base["variables"]["TRACKPROOF_FLEET"],
        "TRACKPROOF_CONDUCTOR": conductor.api_url,
        "REPORTS": str(tmp_path / "trackproof-reports"),
        "TRACKPROOF_ONLY": f"{FORK}.branches,{FORK}.inputs",
        "VERSION": "3.15.0",
        "TRACKPROOF_CONDUCTOR_VERSION": "3.15.0",
        "TRACKPROOF_SHARD": "1/1",
    }
    scripts = (*template["trackproof"]["script"], *template["trackproof-verdict"]["script"])

    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join([*base["before_script"], *scripts])],
        cwd=tmp_path,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=840,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    merged = tmp_path / "trackproof-reports" / "3.15.0-merged.json"
    assert json.loads(merged.read_text())["verdict"] == "held"
