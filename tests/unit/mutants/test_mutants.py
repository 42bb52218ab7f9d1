"""The definitions of the mutants: unique, described, and at least one for each clause."""

from __future__ import annotations

import pytest

from tests.mutants import MUTANTS
from tests.mutants.runner import main
from trackproof.contracts.load import load_contracts


def test_every_mutant_has_a_unique_id_and_a_sentence() -> None:
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


def test_every_clause_kills_a_mutant() -> None:
    killing = {clause for mutant in MUTANTS for clause in mutant.killed_by}

    assert {clause.id for clause in load_contracts().clauses} <= killing


@pytest.mark.parametrize("name", ["no-such-task", MUTANTS[0].id.partition(".")[2]])
def test_an_unknown_mutant_is_a_usage_error(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--only", f"{MUTANTS[0].id},{name}", "--conductor", "none"])

    assert f"--only: no such task or mutant: {name};" in capsys.readouterr().err
