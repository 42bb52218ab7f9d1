"""The wheel in a clean environment, used from a repository with packages of the same names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP_LEVEL = {"fixtures_audio", "reference_workers", "trackproof"}
VERSIONS = ("3.11", "3.12", "3.13", "3.14")


def interpreter_of(version: str) -> str | None:
    """Return an interpreter of this version that starts, if the machine has one."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    found = [str(path) for path in pyenv.glob(f"{version}.*/bin/python")]
    for candidate in (sys.executable, *found, shutil.which(f"python{version}")):
        if candidate is None:
            continue
        command = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        shown = subprocess.run(command, capture_output=True, text=True, check=False)
        if shown.stdout.strip() == version:
            return candidate
    return None


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel, and a user's repository to call it from."""

    environment: Path
    repository: Path

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment in the repository, as its user would."""
        program = self.environment / "bin" / command[0]
        return subprocess.run(
            [program, *command[1:]],
            cwd=self.repository,
            env={**outside_environment(), **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )


def outside_environment() -> Mapping[str, str]:
    """Return the environment without what this test run has set for Python."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def uv(*command: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "uv", *command, "--quiet"], check=True, timeout=240)


def install(environment: Path, python: str, packages: Sequence[str | Path]) -> None:
    uv("venv", "--python", python, environment)
    interpreter = environment / "bin" / "python"
    if "--no-deps" in packages:
        locked = ROOT / "requirements" / "run.txt"
        uv("pip", "install", "--python", interpreter, "--require-hashes", "-r", locked)
    uv("pip", "install", "--python", interpreter, *packages)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built from the working tree."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a user's repository with `tests`, `tools` and `contracts` packages of its own."""
    folder = tmp_path_factory.mktemp("repository")
    for name in ("tests", "tools", "contracts"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(f'OWNER = "user of {name}"\n')
    (folder / "tests" / "test_own.py").write_text(
        "import contracts, tests, tools\n\n\ndef test_own_packages() -> None:\n"
        "    assert 'user' in contracts.OWNER + tests.OWNER + tools.OWNER\n"
    )
    return folder


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


@pytest.mark.parametrize("variables", [{}, {"PYTHONPATH": "."}], ids=["plain", "PYTHONPATH=."])
@pytest.mark.parametrize(
    "command",
    [("contracts", "check"), ("fleet", "new", "acme.toml"), ("fixtures", "list")],
    ids=" ".join,
)
def test_quick_verbs_work_beside_packages_of_the_same_names(
    installed: Installed, command: tuple[str, ...], variables: dict[str, str]
) -> None:
    (installed.repository / "acme.toml").unlink(missing_ok=True)

    done = installed.run("trackproof", *command, **variables)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.conductor
def test_a_fleet_is_verified_from_a_foreign_repository(installed: Installed) -> None:
    done = installed.run(
        *("trackproof", "verify", "--only", "finalize", "--conductor", "process"), PYTHONPATH="."
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "HELD" in done.stdout


def test_the_users_own_tests_run_as_before(installed: Installed) -> None:
    done = installed.run("pytest", "-q", "tests", PYTHONPATH=".")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.conductor
def test_pytest_judges_a_fleet_from_any_folder(installed: Installed) -> None:
    done = installed.run(
        *("pytest", "--fleet", "reference", "--fleet-only", "finalize"),
        *("--fleet-conductor", "process", "-W", "error"),
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_own" not in done.stdout
    assert "passed" in done.stdout


def test_a_fleet_that_only_validates_installs_at_most_five_packages(
    wheel: Path, repository: Path, tmp_path: Path
) -> None:
    environment = tmp_path / "venv"
    install(environment, sys.executable, [wheel])
    fleet = Installed(environment, repository)
    validate = "from trackproof.contracts.validate import keeps_contract; print(keeps_contract)"

    imported = fleet.run("python", "-c", validate)
    command = fleet.run("trackproof", "run")

    packages = list(environment.glob("lib/python*/site-packages/*.dist-info"))
    assert len(packages) <= 1 + 5
    assert imported.returncode == 0, imported.stderr
    assert command.returncode == 2
    assert "pip install 'trackproof[lab]'" in command.stderr
