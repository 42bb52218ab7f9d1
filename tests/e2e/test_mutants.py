"""A sample of the mutants, another one each day; `nox -s mutants` runs all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLE = 15
SEED = os.environ.get("TRACKPROOF_MUTANT_SEED") or datetime.now(UTC).date().isoformat()
"""Set the variable to an earlier date to repeat that day's sample."""

pytestmark = [pytest.mark.conductor, pytest.mark.timeout(1200)]


def test_the_suite_kills_a_sample_of_mutants() -> None:
    sample = ("--sample", str(SAMPLE), "--seed", SEED)
    command = [sys.executable, "-m", "tests.mutants", *sample]

    # It starts its own server: other tests must not see a mutant's definitions.
    completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    sys.stdout.write(completed.stdout)
    assert completed.returncode == 0, f"seed {SEED}:\n{completed.stdout}{completed.stderr[-2000:]}"
