"""Files that reports are written to."""

from __future__ import annotations

import json
from pathlib import Path

from trackproof.errors import UsageError


class ReportFile:
    """Base of the report writers: a path that is checked before anything runs."""

    def __init__(self, path: Path) -> None:
        """Check that the file can be written.

        Raises:
            UsageError: `path` is not writable.
        """
        check_writable(path)
        self._path = path


def check_writable(path: Path) -> None:
    """Check that `path` can be written, without changing its content.

    Raises:
        UsageError: `path` is not writable.
    """
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise UsageError(
            f"the report cannot be written to {path}",
            evidence=str(error),
            hint="give a file in an existing folder that you can write to",
        ) from error


def write_json(path: Path, content: object) -> None:
    """Write `content` as indented JSON in UTF-8."""
    path.write_text(f"{json.dumps(content, indent=2, ensure_ascii=False)}\n", encoding="utf-8")
