"""Generate the branches of a fork (contract: contracts/tasks/generate_dynamic_fork_tasks.yaml)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reference_workers.context import Context
from reference_workers.errors import PermanentError


def generate_dynamic_fork_tasks(
    context: Context,
    *,
    tracks: Sequence[Mapping[str, Any]],
    task_type: str,
    transcript_id: str,
    bucket_name: str | None,
    padded_tracks: Mapping[str, Mapping[str, Any]] | None,
    language: str,
) -> dict[str, Any]:
    """Return one branch for each track, and the branches' inputs."""
    if task_type == "pad_track":
        own_inputs = _padding_inputs(tracks, bucket_name)
    else:
        own_inputs = _transcription_inputs(tracks, padded_tracks, language)
    references = [f"{task_type}_{index}" for index in range(len(tracks))]
    return {
        "tasks": [
            {"name": task_type, "taskReferenceName": reference, "type": "SIMPLE"}
            for reference in references
        ],
        "inputs": {
            reference: {"track_index": index, "transcript_id": transcript_id, **own}
            for index, (reference, own) in enumerate(zip(references, own_inputs, strict=True))
        },
    }


def _padding_inputs(
    tracks: Sequence[Mapping[str, Any]], bucket_name: str | None
) -> list[dict[str, Any]]:
    if bucket_name is None:
        raise PermanentError("pad_track needs bucket_name")
    return [{"s3_key": track["s3_key"], "bucket_name": bucket_name} for track in tracks]


def _transcription_inputs(
    tracks: Sequence[Mapping[str, Any]],
    padded_tracks: Mapping[str, Mapping[str, Any]] | None,
    language: str,
) -> list[dict[str, Any]]:
    # No server guarantees the order of a JOIN's map: match by track_index.
    by_index = {padded["track_index"]: padded for padded in (padded_tracks or {}).values()}
    missing = [index for index in range(len(tracks)) if index not in by_index]
    if missing:
        raise PermanentError(f"transcribe_track needs padded_tracks; missing: {missing}")
    return [
        {"audio_url": by_index[index]["padded_url"], "language": language}
        for index in range(len(tracks))
    ]
