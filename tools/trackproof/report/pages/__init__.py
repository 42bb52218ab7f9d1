"""Self-contained HTML pages: one file, no external resources, at most one script of our own.

Names and messages come from fleets and are untrusted: templates escape all of them, and a Content
Security Policy blocks scripts and requests.
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
"""Limit for one text, so that the page of a whole suite stays below a few megabytes."""

INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, bidirectional overrides and surrogates."""


def render(
    template: str, *, extra_folder: Path | None = None, script: str = "", **values: Any
) -> str:
    """Render a template of this folder.

    Args:
        template: File name of the template.
        extra_folder: Another folder with templates and a `page.css` that extends ours.
        script: A script of ours for the page; the policy allows no other.
        values: Variables of the template.
    """
    folders = (FOLDER,) if extra_folder is None else (FOLDER, extra_folder)
    style = "".join((folder / "page.css").read_text(encoding="utf-8") for folder in folders)
    return (
        _environment(folders)
        .get_template(template)
        .render(
            values,
            style=Markup(style),  # noqa: S704 - not user input
            style_hash=_hash(style),
            script=Markup(script),  # noqa: S704 - not user input
            script_hash=_hash(script),
        )
    )


def page_environment(folder: Path) -> Environment:
    """Return the environment of templates in another folder that extend ours."""
    return _environment((folder, FOLDER))


def _hash(text: str) -> Markup:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(f"sha256-{digest}")  # noqa: S704 - base64


def visible(text: object) -> str:
    """Return text with invisible characters escaped."""
    return INVISIBLE.sub(lambda match: f"\\u{ord(match.group()):04x}", str(text))


def indented(text: str) -> str:
    """Return JSON indented; return any other text unchanged."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def brief(text: str) -> str:
    """Return text truncated to `CHARACTERS`."""
    return shortened(text, CHARACTERS)


@cache
def _environment(folders: tuple[Path, ...]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"visible": visible, "json": indented, "brief": brief}
    return environment
