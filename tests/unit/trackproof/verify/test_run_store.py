"""Kept runs: private, without keys, found again without a server, and limited."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.trackproof.cli.test_run import trackproof
from tests.unit.trackproof.report import run_events, verify_events
from trackproof.errors import TrackproofError, UsageError
from trackproof.events.runs import AttemptsSeen, RunEnded, StepsSeen
from trackproof.events.timeline import Timeline
from trackproof.scenarios import find_scenario
from trackproof.verify.run_store import Limits, RunFolder, RunStore, begin_run
from trackproof.verify.run_store.verdicts import give_verdict, read_verdicts


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home" / "state"
    monkeypatch.setenv("TRACKPROOF_STATE_DIR", str(folder))
    return folder


def kept(ended: RunEnded | None = None, *, scenario: str = "daily-429") -> RunFolder:
    folder = begin_run("run", fleet="acme", name=scenario, scenario=find_scenario(scenario))
    folder.write(ended or with_timeline(run_events.timeline()))
    return folder


def with_timeline(timeline: Timeline) -> RunEnded:
    return replace(run_events.ended(), timeline=timeline)


def failed_timeline(reason: str) -> Timeline:
    return run_events.timeline(
        run_events.attempt("pad_track_0", 2.0, reason=reason), status="FAILED", cause="S3"
    )


def test_a_kept_run_is_read_back_with_its_scenario() -> None:
    ended = run_events.every_status()

    folder = kept(ended)

    record = RunStore.default().find("last")
    assert record == folder.record
    assert record.run == ended
    assert record.scenario == find_scenario("daily-429")
    assert record.verdict == "failed"
    assert record.ended_at >= record.began_at


def test_a_kept_verification_is_read_back() -> None:
    folder = begin_run("verify", fleet="acme")
    for event in verify_events.verification(*verify_events.EVERY_STATUS):
        folder.write(event)

    record = RunStore.default().find(folder.record.id)

    assert record.verification == folder.record.verification
    assert record.verification is not None


def test_every_file_is_private_even_in_an_open_folder(state_folder: Path) -> None:
    before = os.umask(0)
    try:
        folder = kept()
    finally:
        os.umask(before)

    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder.path / "run.json").stat().st_mode) == 0o600


def test_a_long_reason_is_cut() -> None:
    folder = kept(with_timeline(failed_timeline("x" * 100_000)))

    assert len((folder.path / "run.json").read_bytes()) < 50_000


def test_written_json_has_no_keys_and_no_signed_queries() -> None:
    folder = kept()
    url = "http://s3/recordings/a.webm?X-Amz-Expires=1&X-Amz-Signature=abc"

    folder.write_json("workflow.json", {"url": url, "key": "Bearer s3cr3t-key"}, ["s3cr3t-key"])

    text = (folder.path / "workflow.json").read_text("utf-8")
    assert "X-Amz" not in text
    assert "s3cr3t" not in text
    assert "a.webm?<signed>" in text


def test_steps_are_kept_only_when_they_change() -> None:
    folder = begin_run("run", fleet="acme")
    steps = StepsSeen((run_events.step("get_recording"),))

    for _ in range(3):
        folder.write(steps)
    folder.write(AttemptsSeen(run_events.timeline()))

    assert len((folder.path / "events.ndjson").read_text("utf-8").splitlines()) == 1


def test_explain_shows_a_kept_run_without_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", "http://127.0.0.1:9")
    earlier = kept(with_timeline(failed_timeline("S3 answered 503")))
    begin_run("verify", fleet="acme")

    for arguments in (["--last"], [earlier.record.id]):
        code, output = trackproof("explain", *arguments)

        assert code == 0, output
        assert "fleet acme  Conductor 3.15.0 (process)  run " in output
        assert "First cause: S3" in output


def test_without_a_kept_run_explain_says_what_keeps_one() -> None:
    code, output = trackproof("explain", "--last")

    assert code == 2
    assert "no run is kept" in output
    assert "Hint: `trackproof run` keeps its run" in output


@pytest.mark.parametrize("content", ["", "{}", '{"format": 2}', "[]", "\x00"])
def test_a_file_of_another_version_is_an_error_with_its_path(content: str) -> None:
    folder = kept()
    (folder.path / "run.json").write_text(content)

    with pytest.raises(UsageError, match=r"run\.json does not hold a run"):
        RunStore.default().latest("run")


def test_an_unwritable_folder_is_an_error_that_names_the_variable(state_folder: Path) -> None:
    state_folder.parent.write_text("a file, not a folder")

    with pytest.raises(TrackproofError, match="the run is not kept") as caught:
        begin_run("run", fleet="acme")

    assert "TRACKPROOF_STATE_DIR" in caught.value.hint


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "either a run or --last, but got neither"),
        (("some-id", "--last"), "either a run or --last, but got both"),
        (("some-id",), "explain needs the URL of the server"),
    ],
)
def test_explain_needs_a_run(
    arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONDUCTOR_SERVER_URL", raising=False)

    code, output = trackproof("explain", *arguments)

    assert code == 2
    assert message in output


@pytest.mark.parametrize("name", ["../state", "..", "/etc", "20260101-000000-a/../../b-0000"])
def test_no_name_leads_out_of_the_store(name: str) -> None:
    kept()

    with pytest.raises(UsageError):
        RunStore.default().read(name)
    with pytest.raises(UsageError):
        RunStore.default().find(name)


@pytest.mark.parametrize(
    "limits", [Limits(runs=1), Limits(megabytes=0.0), Limits(days=-1.0)], ids=str
)
def test_the_oldest_runs_go_first_and_the_new_one_stays(limits: Limits) -> None:
    folders = [kept() for _ in range(3)]
    newest = max(folder.record.id for folder in folders)

    removed = RunStore.default().gc(limits, keep=newest)

    assert sorted([*removed, newest]) == sorted(folder.record.id for folder in folders)
    assert RunStore.default().ids() == [newest]


def test_a_run_that_is_under_way_is_not_removed() -> None:
    under_way = begin_run("run", fleet="acme")
    (dead := begin_run("run", fleet="acme")).write_text("pid", "999999999")

    assert RunStore.default().gc(Limits(runs=0)) == [dead.record.id]
    assert RunStore.default().ids() == [under_way.record.id]


def test_a_persons_verdict_survives(state_folder: Path) -> None:
    record = kept().record
    [point] = record.scenario.look_for if record.scenario else ()

    give_verdict(RunStore.default(), record, point, "fail", note="too early", who="Ada")
    given = give_verdict(RunStore.default(), record, point, "pass", who="Ada")

    assert read_verdicts(RunStore(state_folder / "runs"), record.id) == {point: given}
    assert (given.word, given.who, given.note) == ("pass", "Ada", "")
    wrong: Sequence[tuple[str, str]] = [("another point", "pass"), (point, "maybe")]
    for other, word in wrong:
        with pytest.raises(UsageError):
            give_verdict(RunStore.default(), record, other, word)


def test_runs_are_listed_shown_and_removed() -> None:
    record = kept(run_events.every_status()).record

    assert record.id in trackproof("runs", "list")[1]
    shown = trackproof("runs", "show", "last")[1]
    assert "words.complete" in shown
    assert "run.json" in shown
    assert trackproof("runs", "rm", record.id)[0] == 0
    assert "no run is kept" in trackproof("runs", "list")[1]
    assert trackproof("runs", "rm", record.id)[0] == 2
