"""HTML reports of a verification and of a run: one self-contained page each."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from trackproof.events.coverage import ENDS
from trackproof.events.meeting import MeetingResult
from trackproof.events.runs import ResultSeen, RunEnded
from trackproof.events.stream import Event
from trackproof.events.timeline import Timeline
from trackproof.events.verification import VerifyEnded
from trackproof.report.meeting.chart import chart_of
from trackproof.report.meeting.comparison import Change
from trackproof.report.meeting.dag import dag_of
from trackproof.report.meeting.transcript import clock, paragraphs, waveform_path
from trackproof.report.output import ReportFile, write_text
from trackproof.report.pages import FOLDER, render
from trackproof.verify.run_store.record import Verdict

PLAYER: Final = FOLDER / "player.js"
"""Plays the audio and follows it in the transcript."""


class HtmlFile(ReportFile):
    """Writes the page when the run or the verification ends."""

    def __init__(self, path: Path) -> None:
        """Check that the file can be written.

        Raises:
            UsageError: `path` is not writable.
        """
        super().__init__(path)
        self._result: MeetingResult | None = None

    def write(self, event: Event) -> None:
        """Write the page on the last event; remember a meeting's result for it."""
        match event:
            case VerifyEnded():
                text = page(event, datetime.now(UTC))
            case ResultSeen():
                self._result = event.result
                return
            case RunEnded():
                text = run_page(event, datetime.now(UTC), RunDetails(result=self._result))
            case _:
                return
        write_text(self._path, text, complete=not event.interrupted)


@dataclass(frozen=True, slots=True)
class RunDetails:
    """What a page of a run shows besides its verdict."""

    title: str = ""
    result: MeetingResult | None = None
    look_for: tuple[str, ...] = ()
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    audio: bytes | None = None
    """The mixdown, to be embedded."""
    changes: Sequence[Change] | None = None
    """Differences from an older run; None without one."""


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


def run_page(ended: RunEnded, now: datetime, details: RunDetails = RunDetails()) -> str:
    """Render the page of a run that ended at `now`."""
    audio = details.audio
    source = f"data:audio/mpeg;base64,{base64.b64encode(audio).decode()}" if audio else ""
    return render(
        "run.html.j2",
        script=PLAYER.read_text("utf-8") if audio else "",
        ended=ended,
        ended_at=f"{now:%Y-%m-%d %H:%M} UTC",
        details=details,
        sources=[Source("mixdown", source)] if audio else [],
        **meeting_values(ended.timeline, details.result),
        failed_attempts=[one for one in ended.timeline.attempts if one.failed]
        if ended.timeline
        else [],
    )


@dataclass(frozen=True, slots=True)
class Source:
    """Audio that the player can play."""

    name: str
    url: str
    offset: float = 0.0
    """Seconds from the meeting's start to the first sample."""


def meeting_values(timeline: Timeline | None, result: MeetingResult | None) -> dict[str, Any]:
    """Return the pictures and texts of a meeting for `meeting.html.j2`."""
    return {
        "dag": dag_of(timeline) if timeline else None,
        "chart": chart_of(timeline) if timeline else None,
        "result": result,
        "heard": paragraphs(result.transcribed, result.speakers) if result else (),
        "missing": [word for word in result.spoken if not word.matched] if result else (),
        "surplus": [word for word in result.transcribed if not word.matched] if result else (),
        "wave": waveform_path(result) if result else "",
        "services": Counter(one.service for one in result.requests) if result else {},
        "clock": clock,
    }
