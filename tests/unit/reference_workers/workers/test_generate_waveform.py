from __future__ import annotations

import json
from pathlib import Path

import pytest

from reference_workers.platform.seed import seed
from tests.unit.reference_workers.signals import silence, write_sound
from tests.unit.reference_workers.worker_harness import (
    TRANSCRIPT_ID,
    TRANSCRIPTS,
    Json,
    WorkerHarness,
    meeting_rows,
)

AUDIO_KEY = f"{TRANSCRIPT_ID}/audio.mp3"


def payload(transcript_id: str = TRANSCRIPT_ID) -> Json:
    return {"audio_key": AUDIO_KEY, "transcript_id": transcript_id}


@pytest.fixture
def mixdown(empty_bench: WorkerHarness) -> str:
    """A second of silence, as the mixdown."""
    path = write_sound(silence(1), empty_bench.folder / "a.mp3", codec="libmp3lame")
    return empty_bench.store(path, AUDIO_KEY, bucket=TRANSCRIPTS)


@pytest.mark.usefixtures("mixdown")
def test_the_peaks_are_told_stored_and_announced(harness: WorkerHarness) -> None:
    output = harness.completed("generate_waveform", payload())

    assert output == {"waveform": [0.0] * 255}
    assert harness.events("WAVEFORM") == [output]
    stored = Path(str(harness.transcript().waveform_location))
    assert json.loads(stored.read_text()) == {"data": [0.0] * 255}


@pytest.mark.usefixtures("mixdown")
def test_drawing_twice_leaves_one_file(harness: WorkerHarness) -> None:
    harness.completed("generate_waveform", payload())
    harness.completed("generate_waveform", payload())

    files = [path for path in harness.clients.settings.data_dir.rglob("*") if path.is_file()]
    assert len(files) == 1


@pytest.mark.usefixtures("mixdown")
@pytest.mark.parametrize("transcript_id", ["../../escape", "/etc/escape", "..", "a/b"])
def test_an_id_cannot_choose_where_the_file_goes(
    empty_bench: WorkerHarness, transcript_id: str
) -> None:
    rows = meeting_rows(transcript={"id": transcript_id})
    seed(empty_bench.clients.state, rows)

    empty_bench.completed("generate_waveform", payload(transcript_id))

    row = empty_bench.clients.state.transcript(transcript_id)
    stored = Path(str(row.waveform_location)).resolve()
    assert stored.parent.parent == empty_bench.clients.settings.data_dir.resolve()


def test_a_mixdown_that_is_not_there_is_final(harness: WorkerHarness) -> None:
    outcome = harness.execute("generate_waveform", payload())

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert "audio cannot be opened" in str(outcome.reason)
    assert "X-Amz" not in str(outcome.reason)
