"""Text from outside, made fit for a terminal."""

from __future__ import annotations

import re

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def harmless(line: str) -> str:
    """Return a line with control characters spelt out."""
    return CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", line)


def on_one_line(text: str) -> str:
    """Return text on one line, with control characters spelt out."""
    return harmless(" ".join(text.split()))
