"""The console's templates; all text is escaped, as in the reports."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment

from trackproof.report.pages import FOLDER as REPORT_PAGES
from trackproof.report.pages import page_environment

PAGES: Final = Path(__file__).parent / "pages"
STATIC: Final = Path(__file__).parent / "static"

FILES: Final = {
    "page.css": (REPORT_PAGES / "page.css", "text/css"),
    "player.js": (REPORT_PAGES / "player.js", "text/javascript"),
    "console.css": (STATIC / "console.css", "text/css"),
    "icon.svg": (STATIC / "icon.svg", "image/svg+xml"),
    "console.js": (STATIC / "console.js", "text/javascript"),
}
"""Everything that a page loads: file and media type by name."""


def page(template: str, **values: Any) -> str:
    """Render a page."""
    return _environment().get_template(template).render(values)


def fragment(name: str, **values: Any) -> str:
    """Render a part of a live page: a macro of `live.html.j2`."""
    module: Any = _live()
    return str(getattr(module, name)(**values))


@cache
def _environment() -> Environment:
    return page_environment(PAGES)


@cache
def _live() -> object:
    return _environment().get_template("live.html.j2").module
