from __future__ import annotations

import gc
import os
import signal
from pathlib import Path
from textwrap import dedent

import pytest

from trackproof.errors import TrackproofError
from trackproof.lab import free_port
from trackproof.suite.options import VerifyOptions
from trackproof.verify import runner

pytestmark = pytest.mark.slow


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the only file of a suite, for a test to write."""
    monkeypatch.setattr(runner, "CLAUSES", tmp_path)
    return tmp_path / f"test_{tmp_path.name}.py"  # a new name each time: imports are cached


def test_a_file_that_cannot_be_loaded_is_told_with_its_place(suite: Path) -> None:
    suite.write_text("def test_with_half_a_line(:")

    with pytest.raises(TrackproofError, match="the clauses could not be run") as caught:
        runner.verify(VerifyOptions(), [])

    assert "SyntaxError" in caught.value.evidence
    assert suite.name in caught.value.evidence


def test_ctrl_c_is_handed_on(suite: Path) -> None:
    suite.write_text(
        dedent("""
            def pytest_generate_tests(metafunc):
                raise KeyboardInterrupt

            def test_of_nothing(): ...
        """)
    )

    with pytest.raises(KeyboardInterrupt):
        runner.verify(VerifyOptions(), [])


def test_the_users_pytest_options_do_not_reach_the_suite(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.write_text("import os\nraise RuntimeError(os.environ.get('PYTEST_ADDOPTS', 'removed'))")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option -k nothing")

    with pytest.raises(TrackproofError) as caught:
        runner.verify(VerifyOptions(), [])

    assert "RuntimeError: removed" in caught.value.evidence
    assert os.environ["PYTEST_ADDOPTS"] == "--no-such-option -k nothing"


def test_the_process_it_runs_in_is_left_as_it_was() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    nobody_answers = VerifyOptions(only=("get_recording",), conductor=url)
    handler, frozen = signal.getsignal(signal.SIGINT), gc.get_freeze_count()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(TrackproofError):
            runner.verify(nobody_answers, [])

        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert gc.get_freeze_count() <= frozen  # what was freed is frozen no more
    finally:
        signal.signal(signal.SIGINT, handler)
