"""HTML reports of a verification and of a run: one self-contained page each."""

from __future__ import annotations

from datetime import UTC, datetime

from trackproof.events.coverage import ENDS
from trackproof.events.runs import RunEnded
from trackproof.events.stream import Event
from trackproof.events.verification import VerifyEnded
from trackproof.report.output import ReportFile, write_text
from trackproof.report.pages import render


class HtmlFile(ReportFile):
    """Writes the page when the run or the verification ends."""

    def write(self, event: Event) -> None:
        """Write the page on the last event; ignore other events."""
        match event:
            case VerifyEnded():
                text = page(event, datetime.now(UTC))
            case RunEnded():
                text = run_page(event, datetime.now(UTC))
            case _:
                return
        write_text(self._path, text, complete=not event.interrupted)


def page(ended: VerifyEnded, now: datetime) -> str:
    """Render the page of a verification that ended at `now`."""
    clauses = [clause for task in ended.tasks for clause in task.clauses]
    failed = [clause for clause in clauses if not clause.accepted]
    return render(
        "verify.html.j2",
        ended=ended,
        headline=ended.headline,
        ended_at=f"{now:%Y-%m-%d %H:%M} UTC",
        failed=failed,
        excused=[clause for clause in clauses if clause.status in {"deviates", "not_visible"}],
        ends=ENDS,
    )


def run_page(ended: RunEnded, now: datetime) -> str:
    """Render the page of a run that ended at `now`."""
    return render(
        "run.html.j2",
        ended=ended,
        ended_at=f"{now:%Y-%m-%d %H:%M} UTC",
        failed_attempts=[one for one in ended.timeline.attempts if one.failed]
        if ended.timeline
        else [],
    )
