"""A small disk runs full and is freed, and nobody else sees its mount."""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trackproof.errors import TestbedError
from trackproof.testbed.small_disk import SmallDisk, isolate_mounts


def fill_and_free(folder: Path) -> tuple[int | None, bool]:
    """Return the error of a write to a full disk, and whether the next one succeeds."""
    isolate_mounts()
    disk = SmallDisk.mount(folder, size=1_000_000)
    disk.fill()
    failed: int | None = None
    try:
        (folder / "file").write_bytes(b"one byte more")
    except OSError as error:
        failed = error.errno
    disk.free()
    (folder / "file").write_bytes(b"one byte more")
    return failed, (folder / "file").exists()


def test_a_full_disk_refuses_the_next_byte_until_it_is_freed(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    with ThreadPoolExecutor(1) as pool:  # mounts belong to the thread that isolates them
        try:
            result = pool.submit(fill_and_free, folder).result()
        except TestbedError as error:
            pytest.skip(f"{error.what}: {error.evidence}")
    assert result == (errno.ENOSPC, True)
    assert list(folder.iterdir()) == [], "other threads do not see the mount"
