"""A full disk is named first, and is no failure of the fleet."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from trackproof.cli.common import ends_cleanly
from trackproof.errors import ExitCode, FleetError, TestbedError
from trackproof.verify.disk import check_disk, naming_a_full_disk


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))


@pytest.mark.usefixtures("full")
def test_an_error_on_a_full_disk_names_the_disk_first(tmp_path: Path) -> None:
    with pytest.raises(TestbedError) as caught, naming_a_full_disk(tmp_path):
        raise FleetError("the seed command wrote no ids")

    assert str(caught.value).startswith("disk full: ")
    assert "the seed command wrote no ids" in str(caught.value)
    assert caught.value.exit_code == ExitCode.ENVIRONMENT


@pytest.mark.usefixtures("full")
def test_a_run_that_ended_on_a_full_disk_is_not_judged(tmp_path: Path) -> None:
    with pytest.raises(TestbedError, match="disk full"):
        check_disk(tmp_path)


def test_other_errors_stay_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="wrote no ids"), naming_a_full_disk(tmp_path):
        raise FleetError("the seed command wrote no ids")
    check_disk(tmp_path)


def test_a_verb_on_a_full_disk_ends_with_the_code_of_the_environment(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @ends_cleanly
    def verb() -> ExitCode:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/x")

    with pytest.raises(typer.Exit) as caught:
        verb()

    assert caught.value.exit_code == ExitCode.ENVIRONMENT
    assert "disk full: No space left on device, errno 28 (/tmp/x)" in capsys.readouterr().err


def test_other_system_errors_are_bugs() -> None:
    @ends_cleanly
    def verb() -> ExitCode:
        raise OSError(errno.EIO, "broken")

    with pytest.raises(OSError, match="broken"):
        verb()
