from __future__ import annotations

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
def mixdown(empty_harness: WorkerHarness) -> str:
    """A second of silence, as the mixdown."""
    path = write_sound(silence(1), empty_harness.folder / "a.mp3", codec="libmp3lame")
    return empty_harness.store(path, AUDIO_KEY, bucket=TRANSCRIPTS)


@pytest.mark.usefixtures("mixdown")
@pytest.mark.parametrize("transcript_id", ["../../escape", "/etc/escape", "..", "a/b"])
def test_an_id_cannot_escape_the_data_folder(
    empty_harness: WorkerHarness, transcript_id: str
) -> None:
    rows = meeting_rows(transcript={"id": transcript_id})
    seed(empty_harness.clients.state, rows)

    empty_harness.completed("generate_waveform", payload(transcript_id))

    row = empty_harness.clients.state.transcript(transcript_id)
    stored = Path(str(row.waveform_location)).resolve()
    assert stored.parent.parent == empty_harness.clients.settings.data_dir.resolve()
