"""The run that `explain --last` shows is kept privately, without keys."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.unit.trackproof.cli.test_run import trackproof
from tests.unit.trackproof.report import run_events
from trackproof.errors import TrackproofError, UsageError
from trackproof.events.timeline import Timeline
from trackproof.verify.last_run import LastRun, keep, last_run_path, read_last_run

SIGNED = "http://s3/recordings/a.webm?X-Amz-Expires=1&X-Amz-Signature=abc"


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home" / "state"
    monkeypatch.setenv("TRACKPROOF_STATE_DIR", str(folder))
    return folder


def kept(timeline: Timeline) -> LastRun:
    return LastRun(
        kept_at="2026-11-28T02:58:51+00:00",
        fleet="acme",
        conductor="3.15.0 (process)",
        timeline=timeline,
    )


def failed_timeline(reason: str) -> Timeline:
    return run_events.timeline(
        run_events.attempt("pad_track_0", 2.0, reason=reason), status="FAILED", cause=reason
    )


def test_a_kept_run_is_read_back() -> None:
    run = kept(failed_timeline("S3 answered 503"))

    keep(run, secrets=())

    assert read_last_run() == run


def test_the_file_is_private_even_in_an_open_folder(state_folder: Path) -> None:
    before = os.umask(0)
    try:
        keep(kept(run_events.timeline()), secrets=())
    finally:
        os.umask(before)

    assert stat.S_IMODE(last_run_path().stat().st_mode) == 0o600
    assert stat.S_IMODE(state_folder.stat().st_mode) == 0o700
    assert os.listdir(state_folder) == ["last-run.json"]  # noqa: PTH208


def test_the_file_has_no_keys_and_no_signed_queries() -> None:
    reason = f'GET {SIGNED} with "Bearer s3cr"et": 401 ' + "x" * 100_000

    keep(kept(failed_timeline(reason)), secrets=('s3cr"et',))

    text = last_run_path().read_text("utf-8")
    assert "X-Amz" not in text
    assert "s3cr" not in text
    assert "a.webm?<signed>" in text
    assert len(text) < 120_000


def test_explain_shows_the_last_run_without_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", "http://127.0.0.1:9")
    keep(kept(failed_timeline("S3 answered 503")), secrets=())

    code, output = trackproof("explain", "--last")

    assert code == 0, output
    assert "fleet acme  Conductor 3.15.0 (process)  kept at 2026-11-28" in output
    assert "First cause: S3 answered 503" in output


def test_without_a_kept_run_explain_says_what_keeps_one() -> None:
    code, output = trackproof("explain", "--last")

    assert code == 2
    assert f"no run is kept: {last_run_path()} does not exist" in output
    assert "Hint: `trackproof run` keeps its run" in output


@pytest.mark.parametrize("content", ["", "{}", '{"format": 2}', "[]", "\x00"])
def test_a_file_of_another_version_is_an_error_with_its_path(content: str) -> None:
    keep(kept(run_events.timeline()), secrets=())
    last_run_path().write_text(content)

    with pytest.raises(UsageError, match=r"last-run\.json does not hold a run"):
        read_last_run()


def test_an_unwritable_folder_is_an_error_that_names_the_variable(
    state_folder: Path,
) -> None:
    state_folder.parent.write_text("a file, not a folder")

    with pytest.raises(TrackproofError, match="not kept for `trackproof explain --last`") as caught:
        keep(kept(run_events.timeline()), secrets=())

    assert "TRACKPROOF_STATE_DIR" in caught.value.hint


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "either a workflow id or --last, but got neither"),
        (("some-id", "--last"), "either a workflow id or --last, but got both"),
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
