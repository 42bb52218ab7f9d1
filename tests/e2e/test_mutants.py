"""Some of the faulty fleets, other ones each day: `nox -s mutants` runs them all."""

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
"""Set it to a day of before to have that day's sample again."""

pytestmark = [pytest.mark.conductor, pytest.mark.timeout(1200)]


def test_a_sample_of_faulty_fleets_is_told_from_a_right_one() -> None:
    sample = ("--sample", str(SAMPLE), "--seed", SEED)
    command = [sys.executable, "-m", "tests.mutants", *sample]

    # A server of its own: a faulty fleet's definitions are not for other tests.
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    sys.stdout.write(ran.stdout)
    assert ran.returncode == 0, f"seed {SEED}:\n{ran.stdout}{ran.stderr[-2000:]}"
