"""Environments with the wheel, and the repository of the user who installed it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FLEET = ROOT / "tests" / "fleets" / "minimal"
DEAD = "127.0.0.1:9"
"""A proxy that nobody can reach."""
SHELL = {
    "PYTHONPATH": ".",
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy"), f"http://{DEAD}"),
    "ALL_PROXY": f"socks5://{DEAD}",
}
"""Variables of a user's shell that must not matter."""


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel, and a user's repository to call it from."""

    environment: Path
    repository: Path

    def start(self, *command: str, **variables: str) -> subprocess.Popen[str]:
        """Start a program of the environment in the repository, as its user would."""
        program = self.environment / "bin" / command[0]
        return subprocess.Popen(
            [program, *command[1:]],
            cwd=self.repository,
            env={**outside_environment(), **SHELL, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *command: str, **variables: str) -> tuple[int, str]:
        """Run a program to its end; return its exit code and its output."""
        with self.start(*command, **variables) as program:
            try:
                output, _ = program.communicate(timeout=240)
            finally:
                program.kill()
        return program.returncode, output


def outside_environment() -> Mapping[str, str]:
    """Return the environment without what this test run has set for Python."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


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


def build_wheel(folder: Path) -> Path:
    """Build the wheel from the working tree."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return built


def make_repository(folder: Path) -> Path:
    """Make a user's repository: a fleet, and `tests`, `tools` and `contracts` of its own."""
    for name in ("tests", "tools", "contracts"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(f'OWNER = "user of {name}"\n')
    (folder / "tests" / "test_own.py").write_text(
        "import contracts, tests, tools\n\n\ndef test_own_packages() -> None:\n"
        "    assert 'user' in contracts.OWNER + tests.OWNER + tools.OWNER\n"
    )
    for name in ("fleet.py", "fleet.toml"):
        shutil.copy(FLEET / name, folder)
    # The first clause needs four answers.
    hanging = (FLEET / "fleet.toml").read_text() + 'ANSWERS = "4"\n'
    (folder / "hanging.toml").write_text(hanging)
    return folder


def uv(*command: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "uv", *command, "--quiet"], check=True, timeout=240)


def install(environment: Path, python: str, packages: Sequence[str | Path]) -> None:
    """Create an environment; with `--no-deps`, of the locked dependencies."""
    uv("venv", "--python", python, environment)
    interpreter = environment / "bin" / "python"
    if "--no-deps" in packages:
        locked = ROOT / "requirements" / "run.txt"
        uv("pip", "install", "--python", interpreter, "--require-hashes", "-r", locked)
    uv("pip", "install", "--python", interpreter, *packages)
