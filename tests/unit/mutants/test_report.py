"""The reports of a mutant run."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.mutants.report import MutantsHtmlFile, MutantsJsonFile, MutantsTerminal
from tests.mutants.results import (
    MutantEvent,
    MutantFinished,
    MutantResult,
    MutantsEnded,
    ineffective_clauses,
)
from tests.unit.trackproof.report.verify_events import HOSTILE

KILLED = MutantResult(
    id="merge_transcripts.unsorted",
    task="merge_transcripts",
    text="Words stand in the order of their tracks.",
    killed_by=("merge_transcripts.sorted",),
    failed=("merge_transcripts.sorted", "merge_transcripts.all-words"),
    remark="",
    seconds=4.2,
)
SURVIVOR = replace(KILLED, id="merge_transcripts.text-cut-short", failed=())
SUITE_ERROR = replace(KILLED, id="merge_transcripts.error", remark=f"the suite failed: {HOSTILE}")


def ended(*mutants: MutantResult, ineffective: tuple[str, ...] = ()) -> MutantsEnded:
    return MutantsEnded(mutants, ineffective=ineffective, sample="", seconds=61.0)


def html(folder: Path, *mutants: MutantResult, ineffective: tuple[str, ...] = ()) -> str:
    path = folder / "report.html"
    MutantsHtmlFile(path).write(ended(*mutants, ineffective=ineffective))
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("mutant", "killed"),
    [
        (KILLED, True),
        (SURVIVOR, False),
        (replace(KILLED, failed=("merge_transcripts.all-words",)), False),
        (SUITE_ERROR, False),
    ],
)
def test_only_an_expected_clause_kills_a_mutant(mutant: MutantResult, killed: bool) -> None:
    assert mutant.killed is killed
    assert ended(mutant).passed is killed


def test_a_clause_that_kills_no_mutant_fails_the_suite() -> None:
    assert ineffective_clauses([KILLED, SURVIVOR], [*KILLED.failed, "a.b"]) == ("a.b",)
    assert ineffective_clauses([SUITE_ERROR], KILLED.failed) == KILLED.failed
    assert not ended(KILLED, ineffective=("a.b",)).passed


def test_the_terminal_shows_a_line_per_mutant_and_the_problems() -> None:
    console = Console(file=io.StringIO(), width=200, _environ={})
    writer = MutantsTerminal(console)
    mutants = (KILLED, SURVIVOR, SUITE_ERROR)
    events: list[MutantEvent] = [
        *map(MutantFinished, mutants),
        ended(*mutants, ineffective=("merge_transcripts.event",)),
    ]

    for event in events:
        writer.write(event)

    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert lines[0].startswith("✓ merge_transcripts.unsorted")
    assert lines[0].endswith("failed: merge_transcripts.sorted, merge_transcripts.all-words")
    assert lines[1].endswith("failed: no clause")
    assert r"the suite failed: </pre></script><img src=x onerror=alert(1)>\x1b" in lines[2]
    assert lines[3:] == [
        "1 of 3 mutants killed, 61 s",
        "SURVIVED: merge_transcripts.text-cut-short",
        "SURVIVED: merge_transcripts.error",
        "KILLS NO MUTANT: merge_transcripts.event",
    ]


def test_the_json_file_contains_the_whole_table(tmp_path: Path) -> None:
    path = tmp_path / "report.json"

    MutantsJsonFile(path).write(ended(KILLED, SURVIVOR, ineffective=("a.b",)))

    report = json.loads(path.read_text(encoding="utf-8"))
    assert [mutant["killed"] for mutant in report["mutants"]] == [True, False]
    assert report["mutants"][0]["failed"] == list(KILLED.failed)
    assert report["clauses_that_killed_none"] == ["a.b"]


def test_the_page_has_a_row_per_mutant_and_a_column_per_clause(tmp_path: Path) -> None:
    page = html(tmp_path, KILLED, SURVIVOR, ineffective=("merge_transcripts.event",))

    assert "FAILED: 1 of 2 mutants killed" in page
    assert page.count('class="kills"') == 2
    assert "passed, expected to fail" in page
    assert "<strong>merge_transcripts.text-cut-short</strong> survived" in page
    assert "<strong>merge_transcripts.event</strong> kills no mutant" in page
    assert "PASSED: 1 of 1 mutants killed" in html(tmp_path, KILLED)


def test_the_page_escapes_errors_of_the_suite(tmp_path: Path) -> None:
    page = html(tmp_path, SUITE_ERROR)

    assert "<img" not in page
    assert r"\u001b[2J\u0000\u202egpj.exe" in page
