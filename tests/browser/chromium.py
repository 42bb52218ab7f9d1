"""Debian's chromium, and what is looked for in a page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
AXE_VARIABLE: Final = "TRACKPROOF_AXE"
"""The file axe.min.js, which `nox -s browser` installs from npm."""
SCREENSHOTS_VARIABLE: Final = "TRACKPROOF_SCREENSHOTS"
WIDTHS: Final = (1440, 390)

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the browser; it may play audio without a click."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            # Chromium has no sandbox as root in a container; the page is trusted.
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield browser
        browser.close()


@contextmanager
def watched_page(browser: Browser, **options: Any) -> Iterator[Page]:
    """Open a page; fail if it logs an error or opens a dialog."""
    page = browser.new_page(**options)
    problems: list[str] = []
    page.on("console", lambda one: problems.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    yield page
    page.close()
    assert problems == [], "\n".join(problems)


def is_too_wide(page: Page) -> bool:
    """Return whether the whole page scrolls sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def serious_problems(page: Page) -> list[str]:
    """Return what axe-core finds that is serious or critical.

    It is evaluated from outside: the page's own policy allows no script of others.
    """
    page.evaluate(Path(os.environ[AXE_VARIABLE]).read_text("utf-8"))
    found = page.evaluate("() => axe.run()")
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


def take_screenshot(page: Page, name: str) -> None:
    """Write a picture of the page at each width, if a folder for them is given."""
    folder = os.environ.get(SCREENSHOTS_VARIABLE)
    for width in WIDTHS if folder else ():
        page.set_viewport_size({"width": width, "height": 900})
        assert not is_too_wide(page), f"{name} at {width}"
        page.screenshot(path=Path(folder or "", f"{name}-{width}.png"))
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
