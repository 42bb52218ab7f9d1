"""The mutants in processes: every patch applies, and a dead job is an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants import MUTANTS
from tests.mutants.runner import main
from trackproof.errors import TrackproofError

ROOT = Path(__file__).parents[3]

APPLY_EACH = """
import gc, os, sys, traceback
import reference_workers.runner
from tests.mutants import MUTANTS
gc.freeze()  # the forks share all memory
for mutant in MUTANTS:
    if os.fork() == 0:  # a patch cannot be undone
        try:
            mutant.patch()
        except BaseException:
            print(mutant.id, traceback.format_exc().splitlines()[-1], flush=True)
        os._exit(0)
    os.wait()
"""


def test_every_patch_applies_to_the_reference_fleet() -> None:
    completed = subprocess.run(
        [sys.executable, "-c", APPLY_EACH], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert completed.stdout.splitlines() == []


@pytest.mark.nightly
def test_a_job_that_dies_fails_the_run() -> None:
    # No such Conductor backend: every job dies at once.
    with pytest.raises(TrackproofError, match=r"only 0 of 2 mutants have a result"):
        main(["--only", f"{MUTANTS[0].id},{MUTANTS[1].id}", "--jobs", "2", "--conductor", "none"])
