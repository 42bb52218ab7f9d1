"""What a user who has the wheel and no clone is told."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from typer.testing import CliRunner

import trackproof
from trackproof import cli

WORKS_IN_A_CLONE = {"docs/contracts.md"}
"""The page that `trackproof contracts docs` writes."""


def test_no_message_leads_to_a_file_of_the_clone() -> None:
    found = []
    for path in Path(trackproof.__file__).parent.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if "docs/" not in source:
            continue
        tree = ast.parse(source)
        docstrings = {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        found += [
            (path.name, node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            if node not in docstrings and "docs/" in node.value
            if node.value not in WORKS_IN_A_CLONE
        ]

    assert found == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_there(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")

    done = CliRunner().invoke(cli.app, ["--show-completion", shell], prog_name="trackproof")

    assert done.exit_code == 0
    assert "trackproof" in done.output


@pytest.mark.parametrize(
    ("words", "expected"),
    [("trackproof ver", "verify"), ("trackproof verify --sha", "--shard")],
)
def test_verbs_and_options_are_completed(
    words: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    monkeypatch.setenv("_TRACKPROOF_COMPLETE", "complete_bash")

    done = CliRunner().invoke(cli.app, [], prog_name="trackproof")

    assert expected in done.output.split()
