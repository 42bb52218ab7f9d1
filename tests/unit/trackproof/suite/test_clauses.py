"""Every clause of the contracts has a test."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from trackproof.contracts.load import load_contracts
from trackproof.suite.plugin import CLAUSES


def marked_clauses() -> Iterator[str]:
    """Yield every clause named by a mark of a clause test, without running the tests."""
    for path in CLAUSES.glob("test_*.py"):
        module = import_module(f"trackproof.suite.clauses.{path.stem}")
        for name, test in vars(module).items():
            if name.startswith("test_"):
                yield from _clauses_of(test.pytestmark)


def _clauses_of(marks: Any) -> Iterator[str]:
    for mark in map(_mark, marks):
        if mark.name == "clause":
            yield mark.args[0]
        elif mark.name == "parametrize":
            for values in mark.args[1]:
                if isinstance(values, ParameterSet):
                    yield from _clauses_of(values.marks)


def _mark(mark: pytest.Mark | pytest.MarkDecorator) -> pytest.Mark:
    return mark.mark if isinstance(mark, pytest.MarkDecorator) else mark


def test_clauses_and_tests_match(pytestconfig: pytest.Config) -> None:
    for marker in (
        "clause(id)",
        "late",
        "tasks(type)",
        "one_of(type)",
    ):  # as the suite's plugin registers them
        pytestconfig.addinivalue_line("markers", f"{marker}: see the plugin")

    # A clause without a test: write one, see docs/conformance.md.
    assert {clause.id for clause in load_contracts().clauses} == set(marked_clauses())


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
