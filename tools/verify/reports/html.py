"""The verdict as one self-contained page for people."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tools.report.json_file import check_writable
from tools.verify.coverage.model import ENDS
from tools.verify.events import Event, VerifyEnded
from tools.verify.reports.pages import rendered


class HtmlFile:
    """Writes the page once the verdict is known."""

    def __init__(self, path: Path) -> None:
        """Check at once that the file can be written, not after the run.

        Raises:
            UsageError: It cannot.
        """
        check_writable(path)
        self._path = path

    def write(self, event: Event) -> None:
        """Write the verdict; all else is no business of this page's."""
        if isinstance(event, VerifyEnded):
            self._path.write_text(page(event, datetime.now(UTC)), encoding="utf-8")


def page(ended: VerifyEnded, now: datetime) -> str:
    """Return the page of a verdict that was given at `now`."""
    clauses = [clause for task in ended.tasks for clause in task.clauses]
    failing = [clause for clause in clauses if not clause.accepted]
    lesser = [clause for clause in clauses if clause.status in {"deviates", "skipped"}]
    passed = len(clauses) - len(failing) - len(lesser)
    return rendered(
        "verify.html.j2",
        ended=ended,
        verdict="HELD" if ended.held else "FAILED",
        headline=f"{len(failing)} of {len(clauses)} clauses do not hold"
        if failing
        else f"{passed} of {len(clauses)} clauses hold",
        ended_at=f"{now:%Y-%m-%d %H:%M} UTC",
        failing=failing,
        lesser=lesser,
        ends=ENDS,
    )
