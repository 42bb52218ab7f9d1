"""Text from outside, cleaned once where it enters the fleet.

Databases, JSON encoders and HTML pages refuse half surrogate pairs and NUL; a service's answer may
contain both.
"""

from __future__ import annotations

import re
from typing import Any, Final

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_SURROGATE = re.compile("[\ud800-\udfff]")

# All control characters of ASCII but tab, line feed and carriage return.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

MAX_RUN: Final = 512
"""Characters of a run without white space, such as an id, that a message shows."""

MAX_MESSAGE: Final = 4_000
"""Characters of a message."""

_RUN: Final = re.compile(rf"\S{{{MAX_RUN + 1},}}")
_SHOWN: Final = 64


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


def cut(text: str, limit: int = MAX_MESSAGE) -> str:
    """Return a message without the middle of what is too long, with the length of what it was.

    An id of 10 kB comes from outside, and Conductor, the logs and the pages repeat it.
    """
    text = _RUN.sub(lambda run: _shortened(run.group(), _SHOWN), text)
    return text if len(text) <= limit else _shortened(text, limit // 4)


def _shortened(text: str, shown: int) -> str:
    return f"{text[:shown]}… ({len(text)} characters) …{text[-shown:]}"
