"""Every clause of the contracts has a test."""

from __future__ import annotations

import ast

from trackproof.contracts.load import load_contracts
from trackproof.suite.plugin import CLAUSES


def marked_clauses() -> set[str]:
    """Return every clause named by a `@pytest.mark.clause(…)`, without running the tests."""
    named: set[str] = set()
    for path in CLAUSES.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.clause":
                named.update(_clauses_of(node))
    return named


def _clauses_of(call: ast.Call) -> set[str]:
    named = set()
    for argument in call.args:
        if isinstance(argument, ast.Constant):
            named.add(str(argument.value))
        else:  # f"{task}.definition", for every task
            pattern = ast.unparse(argument).strip("f'\"")
            named.update(pattern.replace("{task}", task) for task in load_contracts().tasks)
    return named


def test_clauses_and_tests_match() -> None:
    # A clause without a test: write one, see docs/conformance.md.
    assert {clause.id for clause in load_contracts().clauses} == marked_clauses()


def test_no_clause_test_fails_with_pythons_own_words() -> None:
    # pytest writes both sides of a plain `assert` as Python does; `expect` writes JSON.
    plain = [
        f"{path.name}:{node.lineno}"
        for folder in (CLAUSES, CLAUSES.parents[1] / "checks")
        for path in sorted(folder.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Assert) and path.name.startswith("test_"))
        or (isinstance(node, ast.FormattedValue) and node.conversion == ord("r"))
    ]

    assert plain == []
