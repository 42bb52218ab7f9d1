"""The table mutant × clause, as a terminal, a program and a person get it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.unit.trackproof.report.verdicts import HOSTILE
from trackproof.events.mutants import MutantFinished, MutantResult, MutantsEnded, toothless
from trackproof.events.stream import Event
from trackproof.report.files import file_writers
from trackproof.report.terminal.mutants import MutantsTerminal

KILLED = MutantResult(
    id="merge_transcripts.unsorted",
    task="merge_transcripts",
    text="Words stand in the order of their tracks.",
    killed_by=("merge_transcripts.sorted",),
    failed=("merge_transcripts.sorted", "merge_transcripts.all-words"),
    remark="",
    seconds=4.2,
)
ALIVE = replace(KILLED, id="merge_transcripts.text-cut-short", failed=())
BROKEN = replace(KILLED, id="merge_transcripts.broken", remark=f"the suite broke: {HOSTILE}")


def ended(*mutants: MutantResult, none: tuple[str, ...] = ()) -> MutantsEnded:
    return MutantsEnded(mutants, toothless=none, sample="", seconds=61.0)


def stream(*mutants: MutantResult, none: tuple[str, ...] = ()) -> list[Event]:
    return [*map(MutantFinished, mutants), ended(*mutants, none=none)]


def printed(*mutants: MutantResult, none: tuple[str, ...] = ()) -> list[str]:
    console = Console(file=io.StringIO(), width=200, _environ={})
    writer = MutantsTerminal(console)
    for event in stream(*mutants, none=none):
        writer.write(event)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def written(kind: str, folder: Path, *mutants: MutantResult, none: tuple[str, ...] = ()) -> str:
    [writer] = file_writers(**{kind: folder / "report"})
    for event in stream(*mutants, none=none):
        writer.write(event)
    return (folder / "report").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("mutant", "killed"),
    [
        (KILLED, True),
        (ALIVE, False),
        (replace(KILLED, failed=("merge_transcripts.all-words",)), False),
        (BROKEN, False),
    ],
)
def test_a_mutant_is_killed_by_a_clause_it_names_and_by_no_broken_suite(
    mutant: MutantResult, killed: bool
) -> None:
    assert mutant.killed is killed
    assert ended(mutant).held is killed


def test_a_clause_that_kills_none_fails_the_suite() -> None:
    assert toothless([KILLED, ALIVE], [*KILLED.failed, "a.b"]) == ("a.b",)
    assert toothless([BROKEN], KILLED.failed) == KILLED.failed
    assert not ended(KILLED, none=("a.b",)).held


def test_a_person_reads_a_line_a_mutant_and_what_is_wrong() -> None:
    lines = printed(KILLED, ALIVE, BROKEN, none=("merge_transcripts.event",))

    assert lines[0].startswith("✓ merge_transcripts.unsorted")
    assert lines[0].endswith("failed: merge_transcripts.sorted, merge_transcripts.all-words")
    assert lines[1].endswith("failed: nothing")
    assert r"the suite broke: </pre></script><img src=x onerror=alert(1)>\x1b" in lines[2]
    assert lines[3:] == [
        "1 of 3 mutants killed, 61 s",
        "STILL ALIVE: merge_transcripts.text-cut-short",
        "STILL ALIVE: merge_transcripts.broken",
        "KILLS NOBODY: merge_transcripts.event",
    ]


def test_a_program_reads_the_whole_table(tmp_path: Path) -> None:
    told = json.loads(written("json", tmp_path, KILLED, ALIVE, none=("a.b",)))

    assert [mutant["killed"] for mutant in told["mutants"]] == [True, False]
    assert told["mutants"][0]["failed"] == list(KILLED.failed)
    assert told["clauses_that_killed_none"] == ["a.b"]


def test_the_page_has_a_row_a_mutant_and_a_column_a_clause(tmp_path: Path) -> None:
    page = written("html", tmp_path, KILLED, ALIVE, none=("merge_transcripts.event",))

    assert "FAILED: 1 of 2 mutants are killed" in page
    assert page.count('class="kills"') == 2
    assert "should fail and holds" in page
    assert "<strong>merge_transcripts.text-cut-short</strong> is still alive" in page
    assert "<strong>merge_transcripts.event</strong> kills nobody" in page


def test_the_page_takes_what_a_broken_suite_says_as_text(tmp_path: Path) -> None:
    page = written("html", tmp_path, BROKEN)

    assert "<img" not in page
    assert r"\u001b[2J\u0000\u202egpj.exe" in page


def test_a_held_table_says_so(tmp_path: Path) -> None:
    assert "HELD: 1 of 1 mutants are killed" in written("html", tmp_path, KILLED)
