from __future__ import annotations

import io
import json
import logging
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


def test_urls_in_errors_are_redacted(
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
    """A stream that records each write."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str, /) -> int:
        self.pieces.append(text)
        return len(text)


@pytest.mark.parametrize("as_json", [True, False])
def test_a_line_is_a_single_write(monkeypatch: pytest.MonkeyPatch, as_json: bool) -> None:
    stream = Writes()
    monkeypatch.setattr(sys, "stdout", stream)
    log.configure(debug=False, as_json=as_json)

    structlog.get_logger().info("a line", word="café")

    (piece,) = stream.pieces
    assert piece.endswith("\n")


def test_a_line_contains_task_status_and_transcript(
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


def test_text_without_secrets_is_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
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


@pytest.mark.parametrize(("debug", "shown"), [(True, True), (False, False)])
def test_debug_messages_require_debug(
    debug: bool, shown: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(debug=debug)

    structlog.get_logger().debug("detail")

    assert ("detail" in capsys.readouterr().out) is shown


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(
    "library", ["httpx", "httpcore", "botocore.auth", "urllib3.connectionpool"]
)
def test_libraries_that_sign_log_warnings_only(debug: bool, library: str) -> None:
    log.configure(debug=debug)

    assert not logging.getLogger(library).isEnabledFor(logging.INFO)


def test_a_name_that_the_encoding_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    log.configure(debug=False, as_json=True)

    structlog.get_logger().info("M\u00fcller joins")
    sys.stdout.flush()

    assert b"M\\xfcller joins" in raw.getvalue()
