"""Untrusted text made safe for a terminal."""

from __future__ import annotations

import re

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def escape_controls(line: str) -> str:
    """Return a line with control characters escaped."""
    return CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", line)


def one_line(text: str) -> str:
    """Return text on one line, with control characters escaped."""
    return escape_controls(" ".join(text.split()))
