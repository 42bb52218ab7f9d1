"""No acceptance criterion of the product is forgotten."""

from __future__ import annotations

from dataclasses import replace

from contracts.load import load_contracts
from contracts.tracing import check_tracing, load_criteria


def test_every_criterion_names_clauses_that_are_there() -> None:
    assert check_tracing(load_contracts(), load_criteria()) == []


def test_all_criteria_of_the_task_list_are_there() -> None:
    criteria = load_criteria()

    assert len(criteria) == 163
    assert len({criterion.item for criterion in criteria}) == 42


def test_a_clause_that_is_not_there_is_named_with_the_nearest_one() -> None:
    criterion = replace(load_criteria()[-1], clauses=("pad_track.ofset",), not_a_worker=None)

    finding = check_tracing(load_contracts(), [criterion])[0]

    assert finding.file == "seed.yaml"
    assert finding.pointer == "/TEST-003"
    assert "pad_track.ofset" in finding.what
    assert finding.hint == "did you mean pad_track.offset?"


def test_the_seed_item_of_every_clause_is_one_of_the_task_list() -> None:
    items = {criterion.item for criterion in load_criteria()}

    assert {clause.seed for clause in load_contracts().clauses} <= items
