"""Every clause of the contracts has a test: the suite cannot fall behind them."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import trackproof.suite.clauses
from trackproof.contracts.load import load_contracts

SUITE = Path(trackproof.suite.clauses.__path__[0])
CLAUSES = [clause.id for clause in load_contracts().clauses]


@cache
def clauses_in_marks() -> frozenset[str]:
    """Return every clause that a `@pytest.mark.clause(…)` names, without running anything."""
    named: set[str] = set()
    for path in SUITE.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.clause":
                named.update(_texts(node))
    return frozenset(named)


def _texts(call: ast.Call) -> set[str]:
    named = set()
    for argument in call.args:
        if isinstance(argument, ast.Constant):
            named.add(str(argument.value))
        else:  # f"{task}.definition", for every task
            pattern = ast.unparse(argument).strip("f'\"")
            named.update(pattern.replace("{task}", task) for task in load_contracts().tasks)
    return named


@pytest.mark.parametrize("clause", CLAUSES)
def test_every_clause_has_a_test(clause: str) -> None:
    assert clause in clauses_in_marks(), (
        f"no test in {SUITE.name} is marked with {clause}: write one, see docs/conformance.md"
    )


def test_no_test_is_for_a_clause_that_there_is_not() -> None:
    assert clauses_in_marks() - set(CLAUSES) == set()
