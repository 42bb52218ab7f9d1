"""HTML report of a verification: one self-contained page."""

from __future__ import annotations

from datetime import UTC, datetime

from trackproof.events.coverage import ENDS
from trackproof.events.stream import Event
from trackproof.events.verification import VerifyEnded
from trackproof.report.output import ReportFile
from trackproof.report.pages import render


class HtmlFile(ReportFile):
    """Writes the page when the verification ends."""

    def write(self, event: Event) -> None:
        """Write the page on `VerifyEnded`; ignore other events."""
        if isinstance(event, VerifyEnded):
            self._path.write_text(page(event, datetime.now(UTC)), encoding="utf-8")


def page(ended: VerifyEnded, now: datetime) -> str:
    """Render the page of a verification that ended at `now`."""
    clauses = [clause for task in ended.tasks for clause in task.clauses]
    failed = [clause for clause in clauses if not clause.accepted]
    return render(
        "verify.html.j2",
        ended=ended,
        verdict="PASSED" if ended.passed else "FAILED",
        headline=_headline(ended, failed=len(failed), total=len(clauses)),
        ended_at=f"{now:%Y-%m-%d %H:%M} UTC",
        failed=failed,
        excused=[clause for clause in clauses if clause.status in {"deviates", "skipped"}],
        ends=ENDS,
    )


def _headline(ended: VerifyEnded, *, failed: int, total: int) -> str:
    if failed:
        failures = f"{failed} of {total} clauses failed"
        return f"{failures}; {ended.scope}" if ended.scope else failures
    if ended.shortfalls:
        return "coverage is below the floor"
    passed = f"{sum(task.passed for task in ended.tasks)} of {total} clauses passed"
    return f"{passed}; {ended.scope}" if ended.scope else passed
