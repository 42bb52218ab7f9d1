"""Validation of untrusted ids: short, and safe in paths and logs."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Path

PATTERN = "^[A-Za-z0-9][A-Za-z0-9._~:@+=-]{0,127}$"

_ID = re.compile(PATTERN.removeprefix("^").removesuffix("$"))

RecordingId = Annotated[str, Path(pattern=PATTERN, examples=["rec-1"])]
TranscriptId = Annotated[str, Path(pattern=PATTERN, examples=["transcript-1"])]


def is_id(text: str) -> bool:
    """Return whether a text is a valid id."""
    return _ID.fullmatch(text) is not None
