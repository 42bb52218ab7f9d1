"""The collection of mutants: each can be made, and each clause has one."""

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
    if os.fork() == 0:  # patches are not reversible
        try:
            mutant.patch()
        except BaseException:
            print(mutant.id, traceback.format_exc().splitlines()[-1], flush=True)
        os._exit(0)
    os.wait()
"""


def test_every_mutant_can_be_made_of_the_present_fleet() -> None:
    made = subprocess.run(
        [sys.executable, "-c", MAKE_EACH], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert made.stdout.splitlines() == []


def test_every_mutant_has_a_unique_id_and_a_description() -> None:
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


def test_every_clause_is_named_by_a_mutant() -> None:
    named = {clause for mutant in MUTANTS for clause in mutant.killed_by}

    assert {clause.id for clause in load_contracts().clauses} - named == set()


def test_dead_jobs_end_the_run_with_the_number_of_results() -> None:
    # This Conductor does not exist: each job ends at once.
    with pytest.raises(TrackproofError, match=r"0 of 2 mutants were judged"):
        main(["--only", f"{MUTANTS[0].id},{MUTANTS[1].id}", "--jobs", "2", "--conductor", "none"])


@pytest.mark.parametrize("name", ["no-such-task", MUTANTS[0].id.partition(".")[2]])
def test_an_unknown_name_is_a_usage_error(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--only", f"{MUTANTS[0].id},{name}", "--conductor", "none"])

    assert f"--only names what there is not: {name};" in capsys.readouterr().err
