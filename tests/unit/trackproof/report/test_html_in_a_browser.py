"""The page as a browser shows it: quiet, alone, legible, at the width of a phone too."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.unit.trackproof.report.test_mutants import ALIVE, BROKEN, KILLED
from tests.unit.trackproof.report.verdicts import (
    EVERY_KIND,
    HOSTILE,
    failing,
    verification,
)
from trackproof.events.mutants import MutantsEnded
from trackproof.events.stream import Event
from trackproof.report.html import HtmlFile

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")

WIDTHS = [360, 768, 1440]

POOR_CONTRASTS = """() => {
  const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= .03928 ? v / 12.92
    : ((v + .055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const parsed = colour => colour.match(/[\\d.]+/g).map(Number);
  const behind = element => {
    for (; element; element = element.parentElement) {
      const colour = parsed(getComputedStyle(element).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || !element.checkVisibility()) continue;
    const [a, b] = [light(parsed(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) poor.push(`${element.tagName}.${element.className} ${ratio.toFixed(2)}`);
  }
  return poor;
}"""

OPEN_ALL = "() => document.querySelectorAll('details').forEach(one => one.open = true)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # As root, in a container, chromium has no sandbox; the page is our own.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


LONG = "n" * 3000 + " /very/long/path" * 50
PAGES: dict[str, list[Event]] = {
    "verify": verification(
        *EVERY_KIND,
        failing("merge_transcripts.speakers", HOSTILE + LONG),
        shortfalls=("1 of 2 tasks were exercised",),
    ),
    "mutants": [
        MutantsEnded(
            mutants=(KILLED, ALIVE, replace(BROKEN, remark=HOSTILE + LONG)),
            toothless=("merge_transcripts.event",),
            sample="2026-11-26",
            seconds=61.0,
        )
    ],
}


def written(name: str, folder: Path) -> Path:
    writer = HtmlFile(folder / f"{name}.html")
    for event in PAGES[name]:
        writer.write(event)
    return folder / f"{name}.html"


@pytest.fixture(params=PAGES)
def report(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return written(request.param, tmp_path)


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(report.as_uri())
    yield page
    page.close()


def test_nothing_is_fetched_and_nothing_complains(browser: Browser, report: Path) -> None:
    page = browser.new_page()
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))

    page.goto(report.as_uri(), wait_until="networkidle")

    assert asked == [report.as_uri()]
    assert said == []
    page.close()


def test_all_can_be_read_with_no_script(browser: Browser, tmp_path: Path) -> None:
    report = written("verify", tmp_path)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()

    page.goto(report.as_uri())

    assert page.locator("h1").inner_text() == "✗ FAILED: 3 of 6 clauses do not hold"
    assert page.get_by_text("trackproof replay merge_transcripts.sorted-0a1b2c").is_visible()
    page.locator("summary", has_text="pad_track").click()
    assert page.locator("#tasks").get_by_text("pad_track.offset").is_visible()
    context.close()


def test_nobody_must_scroll_sideways(page: Page) -> None:
    page.evaluate(OPEN_ALL)

    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_light_and_dark_differ_and_are_legible_throughout(page: Page) -> None:
    page.evaluate(OPEN_ALL)
    papers = set()

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        papers.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert page.evaluate(POOR_CONTRASTS) == []

    assert len(papers) == 2


def test_a_screen_reader_finds_its_way(page: Page) -> None:
    levels = page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(h => +h.tagName[1])")
    unnamed = page.locator("[tabindex]:not([aria-label]), nav:not([aria-label])").count()
    ids = page.locator("[id]").evaluate_all("all => all.map(one => one.id)")
    dead = page.locator("a").evaluate_all(
        "all => all.filter(a => !document.getElementById(a.hash.slice(1))).map(a => a.hash)"
    )

    assert page.locator("html").get_attribute("lang") == "en"
    assert page.title().startswith("FAILED: ")
    assert [page.locator(name).count() for name in ("h1", "main", "header")] == [1, 1, 1]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert unnamed == 0
    assert len(ids) == len(set(ids))
    assert dead == []
    assert page.locator("th:not([scope])").count() == 0


def test_everything_that_scrolls_is_reached_by_keyboard(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    page.evaluate(OPEN_ALL)

    unreachable = page.locator("pre, .wide").evaluate_all(
        "all => all.filter(one => (one.scrollHeight > one.clientHeight"
        " || one.scrollWidth > one.clientWidth) && one.tabIndex < 0).length"
    )

    assert unreachable == 0


def test_poor_contrast_would_be_seen(page: Page) -> None:
    page.evaluate("document.querySelector('h1').style = 'color: #888; background: #777'")

    assert any(found.startswith("H1.") for found in page.evaluate(POOR_CONTRASTS))
