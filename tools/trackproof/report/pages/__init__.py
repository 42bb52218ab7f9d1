"""Pages that need nobody: one file, no script, nothing from outside, all text escaped.

Names and messages come from fleets and are hostile: they stand in a page as text only, and the
page's own policy lets no script run and nothing be loaded.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from trackproof.suite.assertions import shortened

FOLDER = Path(__file__).parent
CHARACTERS = 12_000
"""Of one piece of text; a page of a whole suite stays a few megabytes at most."""

NOT_SEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What a browser would not show, or would let reorder the text around it."""


def rendered(template: str, **values: Any) -> str:
    """Return a page made by one of the templates in this folder."""
    style = (FOLDER / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        _environment()
        .get_template(template)
        .render(
            values,
            style=Markup(style),  # noqa: S704 - our own file
            style_hash=Markup(f"sha256-{digest}"),  # noqa: S704 - base64
        )
    )


def visible(text: object) -> str:
    """Return text with everything spelt out that a reader would not see."""
    return NOT_SEEN.sub(lambda found: f"\\u{ord(found.group()):04x}", str(text))


def indented(text: str) -> str:
    """Return JSON on many lines; anything else as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def brief(text: str) -> str:
    """Return a text as far as a page shows it."""
    return shortened(text, CHARACTERS)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"visible": visible, "json": indented, "brief": brief}
    return environment
