"""Output to terminals and files that cannot show every character."""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Mapping
from typing import Final

HANDLER: Final = "trackproof.substitute"

SUBSTITUTES: Final[Mapping[str, str]] = {
    "✓": "+",
    "✗": "x",
    "·": ".",
    "○": "o",
    "◐": "*",
    "█": "#",
    "░": "-",
    "…": "...",
    "–": "-",
    "—": "-",
    "→": "->",
    "×": "x",
    "“": '"',
    "”": '"',
    "’": "'",
}
"""ASCII for the characters of reports; others become escapes such as `\\xe4`."""


def substitute(error: UnicodeError) -> tuple[str, int]:
    """Replace characters that an encoding lacks: an error handler of `codecs`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = "".join(
        SUBSTITUTES.get(character) or character.encode("ascii", "backslashreplace").decode()
        for character in error.object[error.start : error.end]
    )
    return text, error.end


def make_output_printable() -> None:
    """Let standard output and error substitute what they cannot encode, instead of raising."""
    codecs.register_error(HANDLER, substitute)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)
