"""A sample of the mutants, another one each day; `nox -s mutants` runs all."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLE = 2
SEED = os.environ.get("TRACKPROOF_MUTANT_SEED") or datetime.now(UTC).date().isoformat()
"""An earlier day repeats the sample of that day."""

pytestmark = [pytest.mark.conductor, pytest.mark.timeout(1200)]


def test_a_sample_of_mutants_is_killed() -> None:
    sample = ("--sample", str(SAMPLE), "--seed", SEED)
    command = [sys.executable, "-m", "tests.mutants", *sample]

    # On its own server: other tests must not get the definitions of a mutant.
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    sys.stdout.write(ran.stdout)
    assert ran.returncode == 0, f"seed {SEED}:\n{ran.stdout}{ran.stderr[-2000:]}"
