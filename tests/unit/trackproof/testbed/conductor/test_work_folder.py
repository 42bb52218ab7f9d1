from __future__ import annotations

from pathlib import Path

import pytest

from trackproof.testbed.conductor.process.work_folder import LOCK_NAME, PREFIX, WorkFolder


@pytest.fixture(autouse=True)
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_remove_deletes_the_folder(parent: Path) -> None:
    folder = WorkFolder()
    (folder.path / "c123.db").touch()
    folder.remove()
    assert list(parent.iterdir()) == []


def test_folder_of_a_killed_run_is_removed_by_the_next(parent: Path) -> None:
    abandoned = parent / f"{PREFIX}old"
    abandoned.mkdir()
    (abandoned / LOCK_NAME).touch()
    folder = WorkFolder()
    assert list(parent.iterdir()) == [folder.path]
    folder.remove()


def test_locked_or_foreign_folder_is_kept(parent: Path) -> None:
    foreign = parent / f"{PREFIX}foreign"
    foreign.mkdir()
    first, second = WorkFolder(), WorkFolder()
    assert first.path.exists()
    assert foreign.exists()
    first.remove()
    second.remove()
