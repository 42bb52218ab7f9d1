"""What all reports that are files have in common."""

from __future__ import annotations

from pathlib import Path

from trackproof.report.output import check_writable


class ReportFile:
    """A file that is known to be writable before anything runs."""

    def __init__(self, path: Path) -> None:
        """Check at once that the file can be written, not after the run.

        Raises:
            UsageError: It cannot.
        """
        check_writable(path)
        self._path = path
