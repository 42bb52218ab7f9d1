"""The mutants as they are written down: each can be made, and each clause has one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants import MUTANTS
from tests.mutants.runner import main
from trackproof.contracts.load import load_contracts
from trackproof.errors import TrackproofError

ROOT = Path(__file__).parents[3]

MAKE_EACH = """
import os, sys, traceback
from tests.mutants import MUTANTS
for mutant in MUTANTS:
    if os.fork() == 0:  # a patch cannot be taken back
        try:
            mutant.patch()
        except BaseException:
            print(mutant.id, traceback.format_exc().splitlines()[-1], flush=True)
        os._exit(0)
    os.wait()
"""


def test_every_mutant_can_be_made_of_the_fleet_as_it_is() -> None:
    made = subprocess.run(
        [sys.executable, "-c", MAKE_EACH], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert made.stdout.splitlines() == []


def test_every_mutant_has_a_name_of_its_own_and_says_what_is_wrong() -> None:
    assert len({mutant.id for mutant in MUTANTS}) == len(MUTANTS)
    assert [mutant.id for mutant in MUTANTS if not mutant.text.endswith(".")] == []


def test_every_mutant_is_killed_by_clauses_of_its_own_task() -> None:
    task_of = {clause.id: clause.task for clause in load_contracts().clauses}

    wrong = {
        mutant.id: clause
        for mutant in MUTANTS
        for clause in mutant.killed_by
        if task_of.get(clause) != mutant.task
    }

    assert wrong == {}
    assert [mutant.id for mutant in MUTANTS if not mutant.killed_by] == []


@pytest.mark.parametrize("clause", [clause.id for clause in load_contracts().clauses])
def test_every_clause_kills_a_mutant(clause: str) -> None:
    assert any(clause in mutant.killed_by for mutant in MUTANTS)


def test_jobs_that_die_end_the_run_with_what_is_missing() -> None:
    # There is no such Conductor: each job ends at once.
    with pytest.raises(TrackproofError, match=r"0 of 2 mutants were judged"):
        main(["--only", f"{MUTANTS[0].id},{MUTANTS[1].id}", "--jobs", "2", "--conductor", "none"])


@pytest.mark.parametrize("name", ["no-such-task", MUTANTS[0].id.partition(".")[2]])
def test_a_name_of_nothing_is_not_a_run_in_which_all_went_well(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--only", f"{MUTANTS[0].id},{name}", "--conductor", "none"])

    assert f"--only names what there is not: {name};" in capsys.readouterr().err
