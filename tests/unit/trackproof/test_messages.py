"""Messages of the installed product name no file that only this repository has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import reference_workers
import trackproof

PACKAGES = [Path(package.__path__[0]) for package in (trackproof, reference_workers)]
REPOSITORY = re.compile(r"\b(?:docs|tests|tools|contracts)/[\w<]|CONTRIBUTING|ARCHITECTURE|\bADR\b")
ALLOWED = {
    "docs/contracts.md",  # the file that `contracts docs` writes by default
}


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and text of a module's strings but its docstrings and its attributes'."""
    described = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in described
        ):
            yield node.lineno, node.value


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_no_message_names_a_file_of_the_repository(package: Path) -> None:
    named = [
        f"{path.relative_to(package)}:{line}: {text}"
        for path in sorted(package.rglob("*.py"))
        for line, text in texts(ast.parse(path.read_text("utf-8")))
        if REPOSITORY.search(text)
        and text not in ALLOWED
        and path.name != "docs_page.py"  # writes a page of this repository
    ]

    assert named == []


@pytest.mark.parametrize("suffix", ["*.toml", "*.j2", "*.css"])
def test_no_shipped_text_names_a_file_of_the_repository(suffix: str) -> None:
    named = [
        f"{path.name}: {line}"
        for path in sorted(PACKAGES[0].rglob(suffix))
        for line in path.read_text("utf-8").splitlines()
        if REPOSITORY.search(line)
    ]

    assert named == []
