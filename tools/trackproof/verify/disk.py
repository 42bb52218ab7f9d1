"""Tell a full disk of this machine from a failure of the fleet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trackproof.errors import TestbedError, TrackproofError
from trackproof.scratch import is_disk_full


def check_disk(folder: Path, *, evidence: str = "") -> None:
    """Raise when the disk of a folder is full: the fleet cannot be judged then.

    Raises:
        TestbedError: No space is left.
    """
    if is_disk_full(folder):
        raise TestbedError(
            f"disk full: {folder.parent} has no space left, so the fleet cannot be judged",
            evidence=evidence,
            hint="free some space, or set TMPDIR to a folder on another disk",
        )


@contextmanager
def naming_a_full_disk(folder: Path) -> Iterator[None]:
    """Name the full disk as the cause of an error of the block."""
    try:
        yield
    except (OSError, TrackproofError) as error:
        check_disk(folder, evidence=str(error))
        raise
