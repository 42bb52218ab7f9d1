from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import av
import pytest
import structlog

from reference_workers import log
from reference_workers.workers import WORKERS
from tests.unit.reference_workers.bench import TRANSCRIPT_ID, Bench

URL = "http://s3.test/recordings/a.webm?X-Amz-Credential=who&X-Amz-Signature=5ecret"
TITLE = {"topics": [], "transcript_id": TRANSCRIPT_ID}


@pytest.fixture(autouse=True)
def _logging_restored() -> Iterator[None]:
    level = logging.getLogger("httpx").level
    yield
    structlog.reset_defaults()
    logging.getLogger("httpx").setLevel(level)


def fail(*_: Any, **__: Any) -> dict[str, Any]:
    raise av.error.HTTPServerError(5, "Server returned 5XX Server Error reply", URL)


def test_a_url_in_an_error_of_libav_is_logged_without_its_signature(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(debug=False)
    monkeypatch.setitem(WORKERS, "generate_title", fail)

    bench.perform("generate_title", TITLE)

    out = capsys.readouterr().out
    assert "unexpected failure" in out
    assert "http://s3.test/recordings/a.webm?…" in out
    assert "5ecret" not in out
    assert "X-Amz" not in out


def test_a_line_says_what_ended_how_for_whom(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(debug=False)

    bench.perform("generate_title", TITLE, attempt=2)

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


@pytest.mark.parametrize(("debug", "shown"), [(True, True), (False, False)])
def test_details_are_shown_only_when_asked_for(
    debug: bool, shown: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(debug=debug)

    structlog.get_logger().debug("detail")

    assert ("detail" in capsys.readouterr().out) is shown


@pytest.mark.parametrize("debug", [True, False])
def test_httpx_never_logs_its_urls(debug: bool) -> None:
    log.configure(debug=debug)

    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
