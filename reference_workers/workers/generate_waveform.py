"""Compute the mixdown's waveform (contract: contracts/tasks/generate_waveform.yaml)."""

from __future__ import annotations

import json
from typing import Any

from reference_workers.audio.waveform import compute_peaks
from reference_workers.context import Context
from reference_workers.services.object_keys import waveform_file


def generate_waveform(context: Context, *, audio_key: str, transcript_id: str) -> dict[str, Any]:
    """Return the peaks and store them as JSON in the data folder."""
    context.clients.state.transcript(transcript_id)  # before anything is stored for it
    with context.media_limits("generate_waveform", transcript_id):
        waveform = compute_peaks(context.clients.storage.presign(audio_key))
    stored = waveform_file(context.clients.settings.data_dir, transcript_id)
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_text(json.dumps({"data": waveform}))
    with context.unit_of_work(transcript_id) as unit:
        unit.transcript.waveform_location = str(stored)
        unit.emit("WAVEFORM", {"waveform": waveform})
    return {"waveform": waveform}
