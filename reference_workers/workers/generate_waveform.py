"""Draw the mixdown (contract: contracts/tasks/generate_waveform.yaml)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from reference_workers.audio.waveform import peaks
from reference_workers.context import Context


def generate_waveform(context: Context, *, audio_key: str, transcript_id: str) -> dict[str, Any]:
    """Return the peaks; they are stored as JSON in the fleet's data folder as well."""
    waveform = peaks(context.clients.storage.presigned(audio_key))
    # Quoted and prefixed: an id from outside must not choose a path.
    folder = context.clients.settings.data_dir / f"transcript-{quote(transcript_id, safe='')}"
    folder.mkdir(parents=True, exist_ok=True)
    stored = folder / "waveform.json"
    stored.write_text(json.dumps({"data": waveform}))
    with context.edit(transcript_id) as edit:
        edit.transcript.waveform_location = str(stored)
        edit.emit("WAVEFORM", {"waveform": waveform})
    return {"waveform": waveform}
