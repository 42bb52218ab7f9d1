"""Writing a long meeting's audio shows its progress and can be interrupted."""

from __future__ import annotations

import io
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path

import pytest
from rich.console import Console

from fixtures_audio import make_meeting, write_meeting
from trackproof.events.runs import AudioProgress
from trackproof.report.terminal.audio import PlainAudioProgress, audio_progress
from trackproof.runs import audio_progress as module
from trackproof.runs.audio_progress import AudioWriting

MEETING = make_meeting(tracks=2, seconds=9)


@pytest.fixture(autouse=True)
def quick_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_SECONDS", "EVERY_SECONDS"):
        monkeypatch.setattr(module, name, 0.005)


def test_the_reports_end_with_the_whole_meeting(tmp_path: Path) -> None:
    reports: list[AudioProgress] = []

    with AudioWriting(2, 9, reports.append) as writing:
        writing.expect(MEETING)
        write_meeting(MEETING, tmp_path, sound=writing.counted())

    last = reports[-1]
    assert (last.tracks, last.percent, last.ended) == (2, 100, True)
    assert last.total == sum(track.duration for track in MEETING.tracks)
    assert len(reports) > 2


def test_the_end_of_the_block_cancels_a_writing_thread(tmp_path: Path) -> None:
    long = make_meeting(tracks=1, seconds=3600)
    with ThreadPoolExecutor(1) as pool:
        with AudioWriting(1, 3600, lambda _: None) as writing:
            written = pool.submit(write_meeting, long, tmp_path, sound=writing.counted())
            time.sleep(0.05)
        with pytest.raises(CancelledError):
            written.result(timeout=2)


def test_a_log_gets_a_line_at_the_start_every_ten_seconds_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = io.StringIO()
    progress = PlainAudioProgress(Console(file=file, width=100))

    for now in range(100, 125):
        monkeypatch.setattr(time, "monotonic", lambda now=now: float(now))
        progress.write(AudioProgress(3, now - 100, 50))
    progress.write(AudioProgress(3, 50, 50, ended=True))

    assert file.getvalue().splitlines() == [
        "writing the audio of 3 tracks: 0 %, 0 of 50 s",
        "writing the audio of 3 tracks: 20 %, 10 of 50 s",
        "writing the audio of 3 tracks: 40 %, 20 of 50 s",
        "writing the audio of 3 tracks: 100 %, 50 of 50 s",
    ]


def test_a_terminal_gets_one_line_that_changes() -> None:
    file = io.StringIO()
    terminal = audio_progress(Console(file=file, width=100, force_terminal=True))

    terminal.write(AudioProgress(1, 10, 40))
    terminal.write(AudioProgress(1, 40, 40, ended=True))
    terminal.close()

    assert "writing the audio of 1 track: 100 %, 40 of 40 s" in file.getvalue()
