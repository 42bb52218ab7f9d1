"""Text from outside, cleaned once where it enters the fleet.

Databases, JSON encoders and HTML pages refuse half surrogate pairs and NUL; a service's answer may
contain both.
"""

from __future__ import annotations

import re
from typing import Any

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_SURROGATE = re.compile("[\ud800-\udfff]")

# All control characters of ASCII but tab, line feed and carriage return.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def clean_text(text: str) -> str:
    """Return text that every store accepts: no lone surrogates, no control characters."""
    return _CONTROL.sub("", _SURROGATE.sub(REPLACEMENT, text))


def clean_json(value: Any) -> Any:
    """Return a JSON value with every text in it cleaned, keys too."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [clean_json(item) for item in value]
    if isinstance(value, dict):
        return {clean_text(key): clean_json(item) for key, item in value.items()}
    return value
