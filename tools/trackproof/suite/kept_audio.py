"""Audio of a failing clause: what the fleet was given and what it made of it.

Kept beside the stored failure, so that a person can listen to it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET
from trackproof.runs.json_text import as_json
from trackproof.runs.task_run import StoredObject, TaskRun
from trackproof.testbed.s3.object_store import ObjectStore

AUDIO_TASKS: Final = frozenset(
    {"pad_track", "mixdown_tracks", "generate_waveform", "transcribe_track"}
)
AUDIO_CLAUSES: Final = frozenset({"pipeline.joins", "pipeline.completes"})
MAX_FILES: Final = 70
MAX_BYTES: Final = 25_000_000
"""Of all files of one clause."""
ID_CHARACTERS: Final = 8
"""Shorter values of an input do not identify objects."""

SUFFIXES: Final = (
    (b"\x1aE\xdf\xa3", ".webm"),
    (b"ID3", ".mp3"),
    (b"\xff\xfb", ".mp3"),
    (b"\xff\xf3", ".mp3"),
    (b"OggS", ".ogg"),
    (b"RIFF", ".wav"),
    (b"fLaC", ".flac"),
)
"""How the files of each format begin."""


@dataclass(frozen=True, slots=True)
class _Audio:
    """One object of a run."""

    role: str
    """`input` or `output`."""
    key: str
    content: bytes

    @property
    def suffix(self) -> str:
        if self.content[4:8] == b"ftyp":
            return ".mp4"
        for start, suffix in SUFFIXES:
            if self.content.startswith(start):
                return suffix
        return ""


def is_audio_clause(clause: str) -> bool:
    """Return whether audio is evidence of a clause."""
    return clause in AUDIO_CLAUSES or clause.partition(".")[0] in AUDIO_TASKS


def keep_audio(folder: Path, runs: Sequence[TaskRun], store: ObjectStore) -> tuple[str, ...]:
    """Write the audio of these runs into a folder, replacing what is in it.

    Args:
        folder: Created with the first file.
        runs: The runs of the failing test.
        store: Where the objects are.

    Returns:
        The paths of the files; the last one is a sentence if some are left out.
    """
    shutil.rmtree(folder, ignore_errors=True)
    kept: list[str] = []
    left_out = 0
    room = MAX_BYTES
    try:
        for role, one in _objects_of(runs, store):
            versions = store.history(one.bucket, one.key)
            size = [version.size for version in versions if not version.deleted][-1]
            if len(kept) == MAX_FILES or size > room:
                left_out += 1
                continue
            audio = _Audio(role, one.key, store.read_version(one.bucket, one.key))
            if role == "output" and not audio.suffix:
                continue  # JSON and the like
            name = f"{role}-{len(kept):02d}-{_file_name(one.key)}{audio.suffix}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(audio.content)
            kept.append(str(folder / name))
            room -= size
    except Exception as error:  # evidence never decides a verdict, whatever the fleet stored
        kept.append(f"the rest could not be kept: {error}")
    if left_out:
        limit = f"{MAX_FILES} files or {MAX_BYTES // 1_000_000} MB"
        kept.append(f"{left_out} more beyond {limit}")
    return tuple(kept)


def _objects_of(runs: Sequence[TaskRun], store: ObjectStore) -> Iterator[tuple[str, StoredObject]]:
    """Yield role and place of what all runs read and wrote, inputs first, each object once."""
    outputs = {one for run in runs for one in run.written}
    outputs |= {
        one
        for run in runs
        if run.task == "pipeline"
        for one in _objects(store, [TRANSCRIPT_BUCKET], _identifiers(run.sent))
    }
    named = [unquote(as_json(run.sent)) for run in runs]
    inputs = {
        StoredObject(bucket, key)
        for bucket in (RECORDING_BUCKET, TRANSCRIPT_BUCKET)
        for key in store.keys(bucket)
        if any(key in text for text in named)
    }
    inputs |= {
        one for run in runs for one in _objects(store, [RECORDING_BUCKET], _identifiers(run.sent))
    }
    for role, objects in (("input", inputs - outputs), ("output", outputs)):
        for one in sorted(objects, key=lambda one: (one.bucket, one.key)):
            if any(not version.deleted for version in store.history(one.bucket, one.key)):
                yield role, one


def _objects(
    store: ObjectStore, buckets: Iterable[str], identifiers: Sequence[str]
) -> Iterator[StoredObject]:
    """Yield the objects whose keys contain one of these ids."""
    for bucket in buckets:
        for key in store.keys(bucket):
            if any(identifier in key for identifier in identifiers):
                yield StoredObject(bucket, key)


def _identifiers(sent: Any) -> list[str]:
    named = dict(sent) if isinstance(sent, Mapping) else {}
    named.pop("bucket_name", None)
    return [one for one in named.values() if isinstance(one, str) and len(one) >= ID_CHARACTERS]


def _file_name(key: str) -> str:
    """Return the last parts of a key as a portable name, without its suffix."""
    name = re.sub(r"\.(webm|mp3|ogg|mp4|wav|flac)$", "", key)
    return re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("._")[-60:] or "object"
