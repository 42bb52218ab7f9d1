"""Keys of a recording's raw tracks, as Daily writes them.

A key ends in `<recording start>-<participant id>-<cam|screen>-<audio|video>-<track start>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from reference_workers.errors import PermanentError

KEY_MAX_BYTES = 1024
"""Longest key of S3, in bytes of UTF-8."""

_CAM_AUDIO = re.compile(r"-cam-audio-\d+(\.[a-z0-9]+)?$", re.ASCII)
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def filter_cam_audio_tracks(track_keys: Iterable[str]) -> list[str]:
    """Return the microphone tracks, in order and each once; no video and no shared screen.

    A participant who rejoined, or has two microphones, has several.
    """
    audio = [key for key in track_keys if _CAM_AUDIO.search(key)]
    return list(dict.fromkeys(audio))


def check_track_key(key: object) -> str:
    """Return an object key that is safe to pass on.

    Raises:
        PermanentError: It is no relative key without `..`, control characters and excess length.
    """
    if not isinstance(key, str) or not key:
        raise PermanentError("a track has no key")
    if _CONTROL.search(key):
        raise PermanentError(f"track key {key[:80]!a} has control characters")
    if len(key.encode()) > KEY_MAX_BYTES:
        raise PermanentError(f"track key {key[:80]!r}… is longer than {KEY_MAX_BYTES} bytes")
    if key.startswith("/") or ".." in PurePosixPath(key).parts:
        raise PermanentError(f"track key {key[:80]!r} leaves its folder")
    return key
