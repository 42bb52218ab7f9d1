"""`trackproof report`: a kept run reported again, compared, or merged with others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.trackproof.cli.test_run import trackproof
from tests.unit.trackproof.report import run_events
from tests.unit.trackproof.verify import test_merge
from trackproof.events.runs import Check, RunEnded
from trackproof.verify.run_store import RunFolder, begin_run


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKPROOF_STATE_DIR", str(tmp_path / "state"))


def kept(*checks: Check) -> RunFolder:
    folder = begin_run("run", fleet="acme")
    ended: RunEnded = replace(run_events.ended(*checks), timeline=run_events.timeline())
    folder.write(ended)
    return folder


def test_every_report_is_made_again_without_a_server(tmp_path: Path) -> None:
    folder = kept(Check("words.complete", True, "121 of 121 words"))
    names = ("html", "json", "junit", "ndjson", "markdown", "trace")
    options = [part for name in names for part in (f"--{name}", str(tmp_path / name))]

    code, output = trackproof("report", folder.record.id, *options)

    assert code == 0, output
    assert "HELD: 1 of 1 checks" in output
    assert "121 of 121 words" in (tmp_path / "html").read_text("utf-8")
    assert json.loads((tmp_path / "json").read_text("utf-8"))["verdict"] == "held"
    assert "| words.complete | passed | 121 of 121 words |" in (
        (tmp_path / "markdown").read_text("utf-8").replace("\\", "")
    )


def test_a_failed_run_and_a_worse_run_have_exit_code_1() -> None:
    good, bad = kept(Check("a", True, "")), kept(Check("a", False, ""))

    assert trackproof("report", bad.record.id)[0] == 1
    code, output = trackproof("report", bad.record.id, "--against", good.record.id)
    assert code == 1
    assert "broken   a: passed → failed" in output
    code, output = trackproof("report", good.record.id, "--against", bad.record.id)
    assert code == 0
    assert "fixed" in output


def test_a_run_that_is_under_way_has_no_report_yet() -> None:
    folder = begin_run("run", fleet="acme")

    code, output = trackproof("report", folder.record.id)

    assert code == 2
    assert "has no result: running" in output


def test_a_missing_run_is_named() -> None:
    assert "no run matches 'nothing'" in trackproof("report", "nothing")[1]


@pytest.mark.parametrize("spelling", [["--merge"], ["merge"]])
def test_kept_shards_are_merged_and_a_missing_one_is_incomplete(spelling: list[str]) -> None:
    folder = begin_run("verify", fleet="acme")
    folder.write(test_merge.ended([test_merge.FINALIZE], shard=3))

    code, output = trackproof("report", *spelling, folder.record.id)

    assert code == 2
    assert "incomplete" in output
