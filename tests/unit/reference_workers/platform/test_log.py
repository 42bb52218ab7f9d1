from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from typing import Any

import av
import pytest
import structlog

from reference_workers.platform import log
from reference_workers.workers import WORKERS
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, WorkerHarness

URL = "http://s3.test/recordings/a.webm?X-Amz-Credential=who&X-Amz-Signature=5ecret"
TITLE = {"topics": [], "transcript_id": TRANSCRIPT_ID}


pytestmark = pytest.mark.usefixtures("logging_restored")


def fail(*_: Any, **__: Any) -> dict[str, Any]:
    raise av.error.HTTPServerError(5, "Server returned 5XX Server Error reply", URL)


def test_a_url_in_an_error_of_libav_is_logged_without_its_signature(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(debug=False)
    monkeypatch.setitem(WORKERS, "generate_title", fail)

    harness.execute("generate_title", TITLE)

    out = capsys.readouterr().out
    assert "unexpected failure" in out
    assert "http://s3.test/recordings/a.webm?…" in out
    assert "5ecret" not in out
    assert "X-Amz" not in out


class Writes(io.StringIO):
    """A stream that remembers what came in one write."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str, /) -> int:
        self.pieces.append(text)
        return len(text)


@pytest.mark.parametrize("as_json", [True, False])
def test_a_line_is_one_write_so_that_processes_cannot_tear_each_others_lines(
    monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    stream = Writes()
    monkeypatch.setattr(sys, "stdout", stream)
    log.configure(debug=False, as_json=as_json)

    structlog.get_logger().info("a line", word="café")

    (piece,) = stream.pieces
    assert piece.endswith("\n")


def test_a_line_says_what_ended_how_for_whom(
    harness: WorkerHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(debug=False)

    harness.execute("generate_title", TITLE, attempt=2)

    (line,) = capsys.readouterr().out.splitlines()
    for part in (
        "event='task ended'",
        "status='COMPLETED'",
        "workflow_id='workflow-1'",
        "task='generate_title'",
        "attempt=2",
        f"transcript_id='{TRANSCRIPT_ID}'",
    ):
        assert part in line


def test_an_event_keeps_what_is_no_query(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(debug=False)

    structlog.get_logger().info("why? because", url="http://s3.test/a.webm", count=3)

    out = capsys.readouterr().out
    assert "why? because" in out
    assert "url='http://s3.test/a.webm'" in out
    assert "count=3" in out


def test_as_json_a_line_is_one_object_without_secrets(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(debug=False, as_json=True, secrets=["canary-key"])
    monkeypatch.setitem(WORKERS, "generate_title", fail)

    harness.execute("generate_title", TITLE, attempt=2)
    structlog.get_logger().warning(
        "refused",
        headers={"Authorization": "canary-key"},
        urls=[URL],
        error=ValueError(URL),
        count=3,
    )

    failed, ended, refused = map(json.loads, capsys.readouterr().out.splitlines())
    assert "av.error.HTTPServerError" in failed["exception"]
    assert {key: ended[key] for key in ("event", "level", "task", "attempt", "transcript_id")} == {
        "event": "task ended",
        "level": "info",
        "task": "generate_title",
        "attempt": 2,
        "transcript_id": TRANSCRIPT_ID,
    }
    assert refused["headers"] == {"Authorization": "…"}
    assert refused["urls"] == ["http://s3.test/recordings/a.webm?…"]
    assert refused["count"] == 3
    for line in (failed, ended, refused):
        assert "5ecret" not in str(line)
        assert "canary" not in str(line)


LIBRARY = f"""
import logging, structlog
from reference_workers.platform import log
log.configure(debug=False, as_json=True, secrets=["canary-key"])
with structlog.contextvars.bound_contextvars(task="pad_track_7"):
    try:
        raise ValueError("{URL}")
    except ValueError:
        logging.getLogger("conductor.client").exception("canary-key of %s", "{URL}")
"""


def test_what_a_library_logs_goes_the_same_way() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIBRARY], capture_output=True, text=True, check=True
    )

    (line,) = map(json.loads, done.stdout.splitlines())
    assert line["event"] == "… of http://s3.test/recordings/a.webm?…"
    assert (line["logger"], line["level"]) == ("conductor.client", "error")
    assert line["task"] == "pad_track_7"
    assert "ValueError" in line["exception"]
    assert "5ecret" not in done.stdout + done.stderr


@pytest.mark.parametrize(("debug", "shown"), [(True, True), (False, False)])
def test_details_are_shown_only_when_asked_for(
    debug: bool, shown: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(debug=debug)

    structlog.get_logger().debug("detail")

    assert ("detail" in capsys.readouterr().out) is shown


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(
    "library", ["httpx", "httpcore", "botocore.auth", "urllib3.connectionpool"]
)
def test_what_signs_and_sends_never_logs_its_details(debug: bool, library: str) -> None:
    log.configure(debug=debug)

    assert not logging.getLogger(library).isEnabledFor(logging.INFO)
