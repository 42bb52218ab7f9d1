"""The HTML pages in a browser: self-contained, accessible and legible at every width."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.mutants.report import MutantsHtmlFile
from tests.mutants.results import MutantsEnded
from tests.unit.mutants.test_report import KILLED, SUITE_ERROR, SURVIVOR
from tests.unit.trackproof.report import run_events
from tests.unit.trackproof.report.meeting_results import meeting_result
from tests.unit.trackproof.report.verify_events import (
    EVERY_STATUS,
    HOSTILE,
    failing,
    verification,
)
from trackproof.events.runs import ResultSeen
from trackproof.report.html import HtmlFile

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

WIDTHS = [360, 390, 768, 1440]

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

CUT_OFF = """() => [...document.querySelectorAll('body *')].filter(one => {
  const style = getComputedStyle(one);
  const clipped = style.overflowX !== 'visible' || style.overflowY !== 'visible';
  return clipped && one.matches('pre, .wide')
    && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1);
}).map(one => one.getAttribute('aria-label'))"""
"""Labels of the areas that a reader has to scroll."""

HIDDEN = """() => [...document.querySelectorAll('details *')].filter(one =>
  !one.checkVisibility({contentVisibilityAuto: true})).map(one => one.outerHTML.slice(0, 80))"""

OPEN_ALL = "() => document.querySelectorAll('details').forEach(one => one.open = true)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Chromium has no sandbox as root in a container; the page is trusted.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


LONG = "n" * 3000 + " /very/long/path" * 50
VERIFY = verification(
    *EVERY_STATUS,
    failing("merge_transcripts.speakers", HOSTILE + LONG),
    shortfalls=("1 of 2 tasks were exercised",),
)
MUTANTS = MutantsEnded(
    mutants=(KILLED, SURVIVOR, replace(SUITE_ERROR, remark=HOSTILE + LONG)),
    ineffective=("merge_transcripts.event",),
    sample="2026-11-26",
    seconds=61.0,
)


def write_verify_page(path: Path) -> None:
    writer = HtmlFile(path)
    for event in VERIFY:
        writer.write(event)


def write_mutants_page(path: Path) -> None:
    MutantsHtmlFile(path).write(MUTANTS)


def write_run_page(path: Path) -> None:
    writer = HtmlFile(path)
    writer.write(ResultSeen(meeting_result(HOSTILE + "x" * 300, words=40, speakers=9)))
    writer.write(run_events.every_status("x" * 300))


@pytest.fixture(params=[write_verify_page, write_run_page, write_mutants_page])
def report(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    request.param(path)
    return path


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(report.as_uri())
    yield page
    page.close()


def test_a_page_makes_no_requests_and_logs_no_errors(browser: Browser, report: Path) -> None:
    page = browser.new_page()
    requests, messages = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("dialog", lambda dialog: messages.append(dialog.message))

    page.goto(report.as_uri(), wait_until="networkidle")

    assert requests == [report.as_uri()]
    assert messages == []
    page.close()


def test_a_page_is_readable_without_javascript(browser: Browser, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    write_verify_page(report)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()

    page.goto(report.as_uri())

    assert page.locator("h1").inner_text().startswith("✗ FAILED: 2 failed, 1 unsteady")
    assert page.get_by_text("trackproof replay merge_transcripts.sorted-0a1b2c").is_visible()
    page.locator("summary", has_text="pad_track").click()
    assert page.locator("#tasks").get_by_text("pad_track.offset").is_visible()
    context.close()


def test_a_page_never_scrolls_horizontally(page: Page) -> None:
    page.evaluate(OPEN_ALL)

    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_telephone_shows_tables_without_scrolling(browser: Browser, tmp_path: Path) -> None:
    write_verify_page(tmp_path / "report.html")
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((tmp_path / "report.html").as_uri())
    page.evaluate(OPEN_ALL)

    wide = page.locator(".wide").evaluate_all(
        "all => all.filter(one => one.scrollWidth > one.clientWidth).length"
    )

    assert wide == 0
    page.close()


def test_printing_cuts_nothing_off(browser: Browser, tmp_path: Path) -> None:
    write_verify_page(tmp_path / "report.html")
    page = browser.new_page(viewport={"width": 700, "height": 900})
    page.goto((tmp_path / "report.html").as_uri())
    assert page.evaluate(HIDDEN) != []
    assert page.evaluate(CUT_OFF) != []

    page.emulate_media(media="print")

    assert page.evaluate(HIDDEN) == []
    assert page.evaluate(CUT_OFF) == []
    page.close()


def test_the_contents_lead_to_every_clause_and_task(browser: Browser, tmp_path: Path) -> None:
    write_verify_page(tmp_path / "report.html")
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())

    contents = page.get_by_role("navigation", name="Contents")

    names = contents.get_by_role("link").all_inner_texts()
    for name in ("Failed clauses", "merge_transcripts.sorted", "finalize.deviates", "pad_track"):
        assert name in names
    page.close()


def test_both_colour_schemes_have_enough_contrast(page: Page) -> None:
    page.evaluate(OPEN_ALL)
    backgrounds = set()

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        backgrounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert page.evaluate(POOR_CONTRASTS) == []

    assert len(backgrounds) == 2


def test_headings_landmarks_and_links_are_accessible(page: Page) -> None:
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


def test_scrollable_areas_are_focusable(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    page.evaluate(OPEN_ALL)

    unreachable = page.locator("pre, .wide").evaluate_all(
        "all => all.filter(one => (one.scrollHeight > one.clientHeight"
        " || one.scrollWidth > one.clientWidth) && one.tabIndex < 0).length"
    )

    assert unreachable == 0
