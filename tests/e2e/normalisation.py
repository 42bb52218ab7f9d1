"""Normalisation of a run's evidence for snapshots.

Values that change from run to run become names in angle brackets: addresses and ids (as given),
times, the signing part of presigned URLs (their expiry stays), signatures, and sizes of encoded
audio. Floats are rounded to the precision that the contracts promise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?")
SIGNATURE = re.compile(r"t=\d+,v1=[0-9a-f]{64}")
URL = re.compile(r"https?://[^\s\"'<>]+\?[^\s\"'<>]+")

DECIMALS = 3
PEAK_DECIMALS = 1
"""The contract allows a peak error of 0.01, so more digits would depend on the codec's build."""

SIZES = frozenset({"size", "content-length"})
MOMENTS = frozenset({"timestamp", "created_at", "start_ts", "join_time"})


def normalise(value: Any, names: Mapping[str, str], key: str = "") -> Any:
    """Return `value` with volatile values replaced.

    Args:
        value: JSON data; strings that contain JSON are decoded.
        names: Names for values of this run, such as `{"http://127.0.0.1:41233": "daily"}`.
        key: The key of the value in its object.
    """
    match value:
        case dict():
            return {
                normalise(name, names): normalise(item, names, name) for name, item in value.items()
            }
        case list() | tuple():
            return [normalise(item, names, key) for item in value]
        case bool() | None:
            return value
        case int() | float():
            return _number(value, key)
        case str():
            return _text(value, names)
        case _:
            return _text(str(value), names)


def _number(value: int | float, key: str) -> Any:
    if key in SIZES:
        return "<bytes>"
    # Epoch seconds; a topic's timestamp is seconds of the meeting and stays.
    if key in MOMENTS and value > 1_000_000_000:
        return "<moment>"
    if isinstance(value, float):
        return round(value, PEAK_DECIMALS if key == "waveform" else DECIMALS)
    return value


def _text(text: str, names: Mapping[str, str]) -> Any:
    if text[:1] in {"{", "["}:
        try:
            return normalise(json.loads(text), names)
        except ValueError:
            pass
    text = URL.sub(lambda match: _unsigned(match[0]), text)
    # Longer values first: one address may be a prefix of another.
    for live in sorted(names, key=len, reverse=True):
        text = text.replace(live, f"<{names[live]}>")
    text = SIGNATURE.sub("t=<moment>,v1=<signature>", text)
    return MOMENT.sub("<moment>", text)


def _unsigned(url: str) -> str:
    query = parse_qs(urlsplit(url).query)
    bare = url.partition("?")[0]
    if "X-Amz-Expires" in query:
        return f"{bare}?X-Amz-Expires={query['X-Amz-Expires'][0]}&<signed>"
    return url
