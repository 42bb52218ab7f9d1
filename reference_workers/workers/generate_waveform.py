"""Draw the mixdown (contract: contracts/tasks/generate_waveform.yaml)."""

from __future__ import annotations

import json
from typing import Any

from reference_workers.audio.waveform import peaks
from reference_workers.context import Context
from reference_workers.platform.state.object_keys import waveform_file


def generate_waveform(context: Context, *, audio_key: str, transcript_id: str) -> dict[str, Any]:
    """Return the peaks; they are stored as JSON in the fleet's data folder as well."""
    waveform = peaks(context.clients.storage.presigned(audio_key))
    stored = waveform_file(context.clients.settings.data_dir, transcript_id)
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_text(json.dumps({"data": waveform}))
    with context.edit(transcript_id) as edit:
        edit.transcript.waveform_location = str(stored)
        edit.emit("WAVEFORM", {"waveform": waveform})
    return {"waveform": waveform}
