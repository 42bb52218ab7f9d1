"""Small files that would become hours of audio are refused before they cost anything."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame

from reference_workers.audio.limits import media_limits
from reference_workers.audio.padding import write_padded
from reference_workers.errors import TransientError
from tests.unit.reference_workers.worker_harness import (
    TRANSCRIPT_ID,
    TRANSCRIPTS,
    Json,
    WorkerHarness,
)

HOURS = 3600


def write_bomb(path: Path, *, starts: list[float], seconds: float = 0.04) -> Path:
    """Write Opus audio in WebM: `seconds` of silence from each of the starts on."""
    with av.open(str(path), "w", format="webm") as output:
        stream = output.add_stream("libopus", rate=48_000)
        stream.layout = "mono"
        silence = AudioFrame.from_ndarray(np.zeros((1, 960), np.float32), "fltp", "mono")
        silence.sample_rate = 48_000
        for start in starts:
            for nth in range(round(seconds / 0.02)):
                silence.pts, silence.time_base = None, Fraction(1, 48_000)
                for packet in stream.encode(silence):
                    packet.pts = packet.dts = round((start + nth * 0.02) * 48_000)
                    packet.time_base = Fraction(1, 48_000)
                    output.mux(packet)
    return path


BOMBS = {
    "a gap": [0.0, 10.0 * HOURS],
    "an offset": [10.0 * HOURS],
    "many gaps": [0.0, 5e3, 1e4, 2e4],
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("task", ["pad_track", "mixdown_tracks", "generate_waveform"])
def test_audio_behind_the_meetings_end_is_refused_at_once(
    task: str, bomb: str, harness: WorkerHarness
) -> None:
    harness.clients.state.store_duration("rec-1", 61)
    path = write_bomb(harness.folder / "bomb.webm", starts=BOMBS[bomb])
    assert path.stat().st_size < 2_000
    key = harness.store(path, "bomb.webm", bucket=TRANSCRIPTS)
    url = harness.clients.storage.presign(key)
    payloads: dict[str, Json] = {
        "pad_track": {"track_index": 0, "s3_key": key, "bucket_name": TRANSCRIPTS},
        "mixdown_tracks": {"padded_urls": [url]},
        "generate_waveform": {"audio_key": key},
    }
    began = time.process_time()

    outcome = harness.execute(task, {"transcript_id": TRANSCRIPT_ID, **payloads[task]})

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert "the meeting has at most 1.0 h" in str(outcome.reason)
    assert time.process_time() - began < 2
    assert harness.s3.keys(TRANSCRIPTS) == [key]


def test_a_meeting_longer_than_its_recording_says_is_processed(harness: WorkerHarness) -> None:
    harness.clients.state.store_duration("rec-1", 5)
    path = write_bomb(harness.folder / "late.webm", starts=[600.0])
    key = harness.store(path, "late.webm")

    harness.completed(
        "pad_track",
        {
            "track_index": 0,
            "s3_key": key,
            "bucket_name": "recordings",
            "transcript_id": TRANSCRIPT_ID,
        },
    )


def test_without_a_known_length_the_setting_is_the_limit(harness: WorkerHarness) -> None:
    assert harness.clients.state.recorded_seconds(TRANSCRIPT_ID) is None
    path = write_bomb(harness.folder / "bomb.webm", starts=[0.0, 13.0 * HOURS])
    key = harness.store(path, "bomb.webm", bucket=TRANSCRIPTS)

    outcome = harness.execute(
        "generate_waveform", {"audio_key": key, "transcript_id": TRANSCRIPT_ID}
    )

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert "at most 12.0 h" in str(outcome.reason)


def test_processing_ends_with_the_time_of_its_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_bomb(tmp_path / "gap.webm", starts=[0.0, 1.0 * HOURS])
    now = iter(range(10_000))
    monkeypatch.setattr(time, "monotonic", lambda: next(now))

    with (
        media_limits(longest=2 * HOURS, seconds=20),
        pytest.raises(TransientError, match="takes longer"),
    ):
        write_padded(str(path), tmp_path / "padded.webm", Fraction(0))


def test_get_recording_stores_the_length(harness: WorkerHarness) -> None:
    harness.completed("get_recording", {"recording_id": "rec-1"})

    assert harness.clients.state.recorded_seconds(TRANSCRIPT_ID) == 61


@pytest.mark.parametrize("task", ["mixdown_tracks", "generate_waveform"])
def test_nothing_is_written_for_a_transcript_that_does_not_exist(
    task: str, harness: WorkerHarness
) -> None:
    key = harness.store(
        write_bomb(harness.folder / "a.webm", starts=[0.0]), "a.webm", bucket=TRANSCRIPTS
    )
    url = harness.clients.storage.presign(key)
    payloads: dict[str, Json] = {
        "mixdown_tracks": {"padded_urls": [url]},
        "generate_waveform": {"audio_key": key},
    }

    outcome = harness.execute(task, {"transcript_id": "absent", **payloads[task]})

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert harness.s3.keys(TRANSCRIPTS) == [key]
    assert not list((harness.folder / "data").glob("*"))
