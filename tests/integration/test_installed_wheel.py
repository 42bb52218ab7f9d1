"""The wheel in a clean environment, used from a stranger's repository and shell.

The repository has packages of the same names as folders of this project; the shell has
`PYTHONPATH=.` and a proxy that nobody can reach.
"""

from __future__ import annotations

import json
import signal
import sys
import zipfile
from pathlib import Path

import pytest
from junitparser import JUnitXml

from tests.integration.fleets.verdicts import statuses
from tests.integration.installed import (
    Installed,
    build_wheel,
    install,
    interpreter_of,
    make_repository,
)
from trackproof.testbed.conductor import ConductorServer
from trackproof.wait import wait_until

TOP_LEVEL = {"fixtures_audio", "reference_workers", "trackproof"}
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
ODD_OPTIONS = "-x -k nothing --no-such-option -p no_such_plugin 'tests"
"""PYTEST_ADDOPTS of a user, meant for other tests and not even well-formed."""
FORK = "generate_dynamic_fork_tasks"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built from the working tree."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(version, marks=() if version == VERSIONS[0] else pytest.mark.nightly)
        for version in VERSIONS
        if interpreter_of(version)
    ],
)
def installed(
    request: pytest.FixtureRequest,
    wheel: Path,
    repository: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Installed:
    """Return an environment with the wheel and its locked dependencies."""
    environment = tmp_path_factory.mktemp("environment") / "venv"
    python = interpreter_of(request.param)
    assert python is not None
    install(environment, python, ["--no-deps", wheel])
    return Installed(environment, repository)


def test_the_wheel_adds_three_typed_packages_and_no_other_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    top_level = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert top_level == TOP_LEVEL
    assert {f"{package}/py.typed" for package in TOP_LEVEL} <= names


@pytest.mark.parametrize(
    "command",
    [("contracts", "check"), ("fleet", "new", "acme.toml"), ("fixtures", "list")],
    ids=" ".join,
)
def test_quick_verbs_work_beside_packages_of_the_same_names(
    installed: Installed, command: tuple[str, ...]
) -> None:
    (installed.repository / "acme.toml").unlink(missing_ok=True)

    code, output = installed.run("trackproof", *command)

    assert code == 0, output


@pytest.mark.conductor
def test_a_minimal_fleet_gets_a_verdict_in_a_foreign_repository(
    installed: Installed, tmp_path: Path
) -> None:
    report = tmp_path / "verdict.json"

    code, output = installed.run(
        *("trackproof", "verify", "--fleet", "fleet.toml", "--only", FORK),
        *("--conductor", "process", "--json", str(report)),
        PYTEST_ADDOPTS=ODD_OPTIONS,
    )

    verdict = json.loads(report.read_text())
    found = statuses(verdict)
    assert code == 1, output
    assert found.pop(f"{FORK}.bad-input") == "failed"  # the fleet does not validate its input
    assert set(found.values()) == {"passed"}
    assert verdict["headline"] in output


@pytest.mark.conductor
def test_an_interruption_leaves_the_reports_of_what_was_judged(
    installed: Installed, conductor: ConductorServer, tmp_path: Path
) -> None:
    reports = {name: tmp_path / f"report.{name}" for name in ("json", "junit", "html", "ndjson")}
    options = [part for name, path in reports.items() for part in (f"--{name}", str(path))]
    judging = installed.start(
        *("trackproof", "verify", "--fleet", "hanging.toml"),
        *("--only", f"{FORK}.branches,{FORK}.inputs"),
        *("--conductor", conductor.api_url, *options),
        PYTEST_ADDOPTS=ODD_OPTIONS,
    )
    with judging:
        try:
            wait_until(
                lambda: (
                    judging.poll() is not None
                    or (reports["ndjson"].exists() and "passed" in reports["ndjson"].read_text())
                ),
                what="a clause that passed",
                timeout=120,
            )
            judging.send_signal(signal.SIGINT)
            output, _ = judging.communicate(timeout=60)
        finally:
            judging.kill()

    verdict = json.loads(reports["json"].read_text())
    assert judging.returncode == 130, output
    assert "Traceback" not in output
    assert verdict["verdict"] == "interrupted"
    assert "passed" in statuses(verdict).values()
    assert "INTERRUPTED" in reports["html"].read_text()
    assert JUnitXml.fromfile(str(reports["junit"])).errors == 1


def test_the_users_own_tests_run_as_before(installed: Installed) -> None:
    code, output = installed.run("pytest", "-q", "tests")

    assert code == 0, output
    assert "1 passed" in output


@pytest.mark.nightly
@pytest.mark.conductor
def test_pytest_judges_a_fleet_from_any_folder(
    installed: Installed, conductor: ConductorServer
) -> None:
    code, output = installed.run(
        *("pytest", "--fleet", "reference", "--fleet-only", "finalize.persists"),
        *("--fleet-conductor", conductor.api_url, "-W", "error"),
    )

    assert code == 0, output
    assert "test_own" not in output
    assert "passed" in output


def test_a_fleet_that_only_validates_installs_at_most_five_packages(
    wheel: Path, repository: Path, tmp_path: Path
) -> None:
    environment = tmp_path / "venv"
    install(environment, sys.executable, [wheel])
    fleet = Installed(environment, repository)
    validate = "from trackproof.contracts.validate import keeps_contract; print(keeps_contract)"

    imported, output = fleet.run("python", "-c", validate)
    command, message = fleet.run("trackproof", "run")

    packages = list(environment.glob("lib/python*/site-packages/*.dist-info"))
    assert len(packages) <= 1 + 5
    assert imported == 0, output
    assert command == 2
    assert "pip install 'trackproof[lab]'" in message
