"""Build the fleet in Go, outside the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.fleets.verdicts import replaced

GO_FLEET = Path(__file__).parents[2] / "fleets" / "go"
BUILD_SECONDS = 400
"""The first build on a machine downloads the modules and compiles Go's standard library too."""


def go(*arguments: str | Path) -> str:
    """Run the installed Go in the fleet's folder and return what it prints."""
    done = subprocess.run(
        ["go", *arguments],
        cwd=GO_FLEET,
        env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(folder: Path) -> Path:
    """Build the fleet and return a profile in `folder` that starts this build; skip without Go."""
    require_go()
    program = folder / "fleet"
    go("build", "-mod=readonly", "-o", program, ".")
    profile = folder / "fleet.toml"
    profile.write_text(
        replaced(
            (GO_FLEET / "fleet.toml").read_text(),
            ('\ncommand = ["./bin/fleet"]\n', f'\ncommand = ["{program}"]\n'),
            ('["./bin/fleet", "migrate"]', f'["{program}", "migrate"]'),
            ('directory = "."', f'directory = "{GO_FLEET}"'),
        )
    )
    return profile


def require_go() -> None:
    """Skip where Go is missing or older than go.mod demands."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    needed = re.search(r"^go (\S+)$", (GO_FLEET / "go.mod").read_text(), re.MULTILINE)
    assert needed is not None
    printed = subprocess.run(["go", "version"], capture_output=True, text=True, check=True).stdout
    if _release(printed.split()[2]) < _release(needed[1]):
        pytest.skip(f"the fleet needs Go {needed[1]}; here is {printed.strip()}")


def _release(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version of Go, such as 1.24.0 or go1.25rc1."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
