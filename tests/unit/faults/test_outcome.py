"""An outcome follows from the evidence: exact, recovered with the right cause, or wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.faults.cells import Cell
from tests.faults.outcome import CellResult, failures, names_cause, problems_of
from tests.faults.report import (
    MatrixEnded,
    line_of,
    read_results,
    verdict,
    write_html,
    write_json,
    write_page,
)
from tests.unit.trackproof.runs.recorded_runs import good_run, post, with_words
from trackproof.checks.effects import EffectCount


def cell(place: str, kind: str = "reset") -> Cell:
    return Cell("pad_track", place, kind, "once")


@pytest.mark.parametrize(
    ("place", "kind", "reason", "named"),
    [
        ("s3", "reset", "S3 'x/audio.mp3': no answer (ConnectionClosedError)", True),
        ("s3", "reset", "unexpected OSError", False),
        ("llm", "cut", "POST 127.0.0.1/llm/chat/completions: no answer", True),
        ("llm", "cut", '"transcripts" is a required property', False),
        ("database", "refuse", "the database does not answer", True),
        ("daily", "hang", "responseTimeout: 6 exceeded for the taskId", True),
        ("daily", "reset", "responseTimeout: 6 exceeded for the taskId", False),
        ("fleet", "kill", "responseTimeout: 6 exceeded for the taskId", True),
        ("fleet", "kill", "unexpected KeyError", False),
        ("modal", "drip", "", False),
    ],
)
def test_a_reason_names_the_service_that_failed(
    place: str, kind: str, reason: str, named: bool
) -> None:
    assert names_cause(cell(place, kind), [reason]) is named


def task(reference: str, status: str, reason: str = "", **more: Any) -> dict[str, Any]:
    return {
        "referenceTaskName": reference,
        "taskId": f"{reference}-{status}",
        "status": status,
        "reasonForIncompletion": reason,
        **more,
    }


def test_a_failure_has_the_reasons_of_all_its_attempts() -> None:
    workflow = {
        "tasks": [
            task("finalize", "FAILED", "once"),
            task("finalize", "COMPLETED"),
            task("pad_track_0", "FAILED", "S3 gone"),
            task("pad_track_0", "CANCELED", "S3 gone"),
            task("pad_track_1", "FAILED", "S3 away"),
            task("pad_track_1", "TIMED_OUT", "time-out"),
            task("join", "FAILED", "a branch failed", taskType="JOIN"),
            task("post_zulip", "COMPLETED_WITH_ERRORS", "Zulip away"),
        ]
    }
    assert failures(workflow) == [
        ("pad_track_1", "pad_track_1-TIMED_OUT", "S3 away; time-out"),
        ("post_zulip", "post_zulip-COMPLETED_WITH_ERRORS", "Zulip away"),
    ]


def test_a_correct_meeting_is_exact_and_a_lost_word_is_not() -> None:
    evidence = good_run()
    assert problems_of(evidence, []) == []
    lost = with_words(evidence, lambda words: words[1:])
    assert any(problem.startswith("words.complete") for problem in problems_of(lost, []))


def test_the_ledger_decides_on_a_second_message() -> None:
    evidence = good_run()
    row = evidence.transcript
    post(evidence.stand_ins, f"**{row['title']}** {row['short_summary']} {row['long_summary']}")
    assert problems_of(evidence, [EffectCount("Zulip messages", 2, 1, 2)]) == []
    doubled = EffectCount("Zulip messages", 2, 1, 1)
    assert problems_of(evidence, [doubled]) == ["Zulip messages: 2, 1 allowed"]
    assert problems_of(evidence, [])[0].startswith("zulip.message: 2 messages")


RESULT = CellResult("pad_track/s3.reset.once", "pad_track", "exact", "", "abcdef0123", met=1)
WRONG = replace(RESULT, id="finalize/database.hang.3s", outcome="WRONG", detail="a | b <c>")


def ended(*cells: CellResult) -> MatrixEnded:
    return MatrixEnded("reference", "3.15.0", cells, total=813, seconds=12.3)


def test_a_matrix_passes_without_a_wrong_cell_and_with_at_least_one() -> None:
    assert ended(RESULT).passed
    assert not ended().passed
    assert not ended(RESULT, WRONG).passed
    assert not ended(RESULT, replace(RESULT, outcome="error")).passed
    assert ended(replace(RESULT, outcome="recovered"), replace(RESULT, outcome="not met")).passed


def test_every_report_has_every_cell_with_its_evidence(tmp_path: Path) -> None:
    both = ended(RESULT, WRONG)
    write_json(both, tmp_path / "m.json")
    write_html(both, tmp_path / "m.html")
    write_page(both, tmp_path / "m.md")

    assert read_results(tmp_path / "m.json") == [RESULT, WRONG]
    assert read_results(tmp_path / "none.json") == []
    told = json.loads((tmp_path / "m.json").read_text())
    assert [one["outcome"] for one in told["cells"]] == ["exact", "WRONG"]
    assert (told["passed"], told["counts"]) == (False, {"exact": 1, "WRONG": 1})
    assert "a | b &lt;c&gt;" in (tmp_path / "m.html").read_text()
    page = (tmp_path / "m.md").read_text()
    assert "| finalize/database.hang.3s | WRONG | 0 | 1 | abcdef01 | a \\| b <c> |" in page
    assert "FAILED: 1 WRONG, 1 exact; 2 of 813 cells" in page
    assert line_of(WRONG).startswith("✗ finalize/database.hang.3s")
    assert verdict(ended(RESULT)).startswith("PASSED: 1 exact; 1 of 813 cells")
