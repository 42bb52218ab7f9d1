"""Terminal output of `trackproof run`: live on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from dataclasses import replace

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from trackproof.events.runs import AudioProgress, Check, RunEnded, RunStarted, StepsSeen
from trackproof.events.steps import StepState
from trackproof.events.stream import Event, Note
from trackproof.events.verification import EnvironmentKept
from trackproof.report.terminal.audio import PlainAudioProgress, audio_line
from trackproof.report.terminal.kept import kept_text
from trackproof.report.terminal.marks import FAILED_MARK, RUN_MARKS, VERDICT_STYLES
from trackproof.report.terminal.printable import one_line
from trackproof.report.terminal.timeline import print_timeline
from trackproof.runs.progress import NOT_STARTED

CHECK_MARKS = {"passed": ("✓", "green"), "failed": FAILED_MARK, "not_visible": ("–", "yellow")}


class RunTerminal:
    """Shows one line for each step and updates it in place."""

    def __init__(self, console: Console) -> None:
        """Write to `console`, which must be a terminal."""
        self._console = console
        self._live: Live | None = None
        self._steps: tuple[StepState, ...] = ()
        self._began: float | None = None

    def write(self, event: Event) -> None:
        """Show an event."""
        match event:
            case Note():
                self._console.print(Text(one_line(event.text), style="dim"))
            case AudioProgress():
                self._show_audio(event)
            case RunStarted():
                self.close()
                self._console.print(_headline(event))
                self._steps, self._began = (), time.monotonic()
                self._live = Live(
                    console=self._console, get_renderable=self._shown, refresh_per_second=10
                )
                self._live.start()
            case StepsSeen():
                self._steps = event.steps
            case Check():
                self.close()
                self._console.print(check_line(event))
            case RunEnded():
                self.close()
                _print_end(self._console, event)
            case EnvironmentKept():
                self._console.print(kept_text(event), soft_wrap=True)
            case _:
                pass

    def close(self) -> None:
        """Stop the live display and leave its last state on the screen."""
        self._began = None  # the last state has no line about the time
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _shown(self) -> Group:
        if not self._steps or self._began is None:
            return _table(self._steps)
        elapsed = time.monotonic() - self._began
        waits = waiting_for(self._steps)
        line = Text(f"{elapsed:.0f} s elapsed{f', waits for {waits}' if waits else ''}", "dim")
        return Group(_table(self._steps), line)

    def _show_audio(self, event: AudioProgress) -> None:
        if self._live is None:
            self._live = Live(console=self._console, refresh_per_second=4)
            self._live.start()
        self._live.update(audio_line(event))
        if event.ended:
            self.close()


class PlainLines:
    """Writes a line when a step changes, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        """Write to `console`."""
        self._console = console
        self._seen: dict[str, tuple[str, int]] = {}
        self._audio = PlainAudioProgress(console)

    def write(self, event: Event) -> None:
        """Write the lines of an event."""
        match event:
            case Note():
                self._print(Text(one_line(event.text)))
            case AudioProgress():
                self._audio.write(event)
            case RunStarted():
                self._print(_headline(event))
            case StepsSeen():
                for step in event.steps:
                    self._write_step(step)
            case Check():
                self._print(check_line(event))
            case RunEnded():
                _print_end(self._console, event)
            case EnvironmentKept():
                self._print(kept_text(event))
            case _:
                pass

    def close(self) -> None:
        """Do nothing: there is no live display."""

    def _write_step(self, step: StepState) -> None:
        state = (step.status, step.branches_done)
        if step.status != NOT_STARTED and self._seen.get(step.name) != state:
            self._seen[step.name] = state
            self._print(_step_line(step))

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


def waiting_for(steps: tuple[StepState, ...]) -> str:
    """Return what a run waits for: workers that are busy, or a worker that takes a task."""
    working = [one for one in steps if one.status == "IN_PROGRESS"]
    queued = [one for one in steps if one.status == "SCHEDULED"]
    parts = [
        one.name if not one.branches else f"{one.name} ({one.branches_done} of {one.branches})"
        for one in working
    ]
    parts += [f"a worker that takes {one.name}" for one in queued]
    return " and ".join(parts)


def _headline(event: RunStarted) -> Text:
    tracks = "1 track" if event.tracks == 1 else f"{event.tracks} tracks"
    return Text.assemble(
        ("diarization_pipeline", "bold"),
        f"  {tracks}  Conductor {one_line(event.version)} ({event.backend})"
        f"  workflow {one_line(event.workflow_id)}",
    )


def _table(steps: tuple[StepState, ...]) -> Group:
    table = Table.grid(padding=(0, 2))
    for step in steps:
        mark, style = RUN_MARKS.get(step.status, FAILED_MARK)
        table.add_row(
            Text(mark, style=style),
            Text(step.name, style="" if step.started_at else "dim"),
            Text(_branches(step)),
            Text(f"{step.seconds:.2f} s" if step.started_at else "", justify="right"),
            Text(_remark(step), style="red"),
        )
    return Group(table)


def _step_line(step: StepState) -> Text:
    mark, style = RUN_MARKS.get(step.status, FAILED_MARK)
    parts = [step.name, _branches(step), step.status, f"{step.seconds:.2f} s", _remark(step)]
    return Text.assemble((mark, style), " ", "  ".join(part for part in parts if part))


def _branches(step: StepState) -> str:
    if not step.branches:
        return ""
    bar = "█" * step.branches_done + "░" * (step.branches - step.branches_done)
    return f"{step.branches_done}/{step.branches} {bar}"


def _remark(step: StepState) -> str:
    count = step.attempts - max(step.branches, 1)
    retries = f"{count} {'retry' if count == 1 else 'retries'}" if count > 0 else ""
    return "; ".join(part for part in (retries, one_line(step.reason)) if part)


def check_line(check: Check) -> Text:
    """Return a check in one line."""
    mark, style = CHECK_MARKS[check.status]
    return Text.assemble(
        (f"{mark} ", style), (f"{check.id:<20}", "bold"), f" {one_line(check.detail)}"
    )


def _print_end(console: Console, ended: RunEnded) -> None:
    """Print the timeline, then the verdict."""
    if ended.timeline is not None:
        print_timeline(console, ended.timeline)
    if ended.timeline or not ended.interrupted:  # else the error says it all
        style = VERDICT_STYLES[ended.word]
        console.print(Text(one_line(ended.headline), style=style), soft_wrap=True)


class OnlyFailures(PlainLines):
    """Writes the checks that failed and the verdict."""

    def write(self, event: Event) -> None:
        """Write the lines of an event; of the end only the verdict."""
        if isinstance(event, RunEnded):
            event = replace(event, timeline=None)
        elif not isinstance(event, Check) or event.passed:
            return
        super().write(event)


def terminal_writer(console: Console, *, verbosity: int = 0) -> RunTerminal | PlainLines:
    """Return the live writer for a terminal, the line writer otherwise.

    Args:
        console: Where to.
        verbosity: -1 for what fails and the verdict only, 1 for lines on a terminal too.
    """
    if verbosity < 0:
        return OnlyFailures(console)
    return RunTerminal(console) if console.is_terminal and not verbosity else PlainLines(console)
