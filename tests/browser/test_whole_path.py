"""A tester's whole way: start, watch, disturb, hear, judge, report, compare. With real runs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import (
    AXE_VARIABLE,
    chromium,
    needs_chromium,
    serious_problems,
    take_screenshot,
    watched_page,
)
from tests.browser.kept_meetings import keep_meeting
from trackproof.console.desk import Desk
from trackproof.console.server import serving, started
from trackproof.console.warm_bench import Where
from trackproof.fleet import REFERENCE

pytestmark = [pytest.mark.browser, needs_chromium, pytest.mark.timeout(900)]

RUN_MS = 240_000
FRAMES_PER_SECOND = 50


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKPROOF_STATE_DIR", str(tmp_path / "state"))


def check_view(page: Page, name: str) -> None:
    if os.environ.get(AXE_VARIABLE):
        assert serious_problems(page) == [], name
    take_screenshot(page, name)


def start(page: Page, url: str, scenario: str, **values: str) -> str:
    page.goto(f"{url}/scenarios/{scenario}")
    for name, value in values.items():
        page.locator(f"[name={name}]").fill(value)
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/runs/*")
    return page.url


def wait_for_result(page: Page, verdict: str) -> None:
    page.wait_for_selector("header.verdict", timeout=RUN_MS)
    expect(page.locator("h1")).to_contain_text(verdict)


def test_a_tester_runs_hears_judges_and_reports(browser: Browser, tmp_path: Path) -> None:
    with (
        started(Where("process")) as url,
        watched_page(browser, accept_downloads=True) as page,
    ):
        page.goto(url)
        page.get_by_label("Tag").select_option("clean")
        page.get_by_role("button", name="Filter").click()
        check_view(page, "scenarios")
        page.get_by_role("link", name="Three participants, everything works").click()
        check_view(page, "form")

        first = start(page, url, "three-tracks", seconds="15")
        page.wait_for_selector(".box.done, .box.running", timeout=RUN_MS)
        check_view(page, "live")
        wait_for_result(page, "HELD")

        word = page.locator("#words [data-s]").nth(10)
        begins = float(word.get_attribute("data-s") or 0)
        word.click()
        page.wait_for_function(f"document.getElementById('player').currentTime > {begins}")
        expect(page.locator("#words .now")).to_have_count(1)
        page.evaluate("document.getElementById('player').pause()")
        point = page.locator(".points li").first
        point.get_by_label("pass").check()
        point.get_by_label("Who").fill("Ada")
        point.get_by_role("button", name="Save").click()
        expect(page.locator(".points li").first).to_contain_text("Ada")
        check_view(page, "result")

        with page.expect_download() as download:
            page.get_by_role("link", name="Report (HTML)").click()
        report = tmp_path / "report.html"
        download.value.save_as(report)
        assert report.stat().st_size < 3_000_000
        check_report_from_disk(browser, report)

        begun = time.monotonic()
        start(page, url, "three-tracks", seconds="15")
        page.wait_for_selector(".box.done, .box.running, header.verdict", timeout=RUN_MS)
        assert time.monotonic() - begun < 15, "the testbed is warm"
        wait_for_result(page, "HELD")
        page.get_by_label("Compare with").select_option(first.rpartition("/")[2])
        page.get_by_role("button", name="Compare").click()
        expect(page.locator("h1")).to_contain_text("Two runs side by side")
        check_view(page, "compare")
        page.goto(f"{url}/runs")
        check_view(page, "runs")


def check_report_from_disk(browser: Browser, report: Path) -> None:
    with watched_page(browser) as page:
        requests: list[str] = []
        page.on("request", lambda one: requests.append(one.url))
        page.goto(report.as_uri())
        page.locator("#words [data-s]").nth(10).click()
        page.wait_for_function("document.getElementById('player').currentTime > 0")
        expect(page.locator("#looked-for")).to_contain_text("Ada")
        assert [one for one in requests if not one.startswith(("file:", "data:"))] == []


def test_a_service_that_is_paused_is_resumed_and_the_run_ends(browser: Browser) -> None:
    with started(Where("process")) as url, watched_page(browser) as page:
        start(page, url, "three-tracks", seconds="15")
        page.wait_for_selector(".box.done", timeout=RUN_MS)

        page.get_by_role("button", name="pause llm").click()
        expect(page.locator("#part-log")).to_contain_text("llm: paused by hand")
        page.get_by_role("button", name="pause fleet").click()
        expect(page.locator("#part-log")).to_contain_text("fleet: paused by hand")
        page.get_by_role("button", name="resume llm").click()
        page.get_by_role("button", name="kill fleet").click()
        expect(page.locator("#told")).to_contain_text("kill fleet: done", timeout=60_000)

        page.wait_for_selector("header.verdict", timeout=RUN_MS)
        page.goto("about:blank")  # its audio is still loading


def test_a_long_meeting_of_many_tracks_stays_smooth(browser: Browser) -> None:
    record = keep_meeting(words=20_000, speakers=64)
    with serving(Desk(Where(), lambda _: REFERENCE, Path())) as url, watched_page(browser) as page:
        begun = time.monotonic()
        page.goto(f"{url}/runs/{record.id}", wait_until="domcontentloaded")
        opened = time.monotonic() - begun
        frames = page.evaluate(
            """() => new Promise(done => {
              const box = document.getElementById('words'); const times = [];
              const step = now => { times.push(now); box.scrollTop += 40;
                times.length < 120 ? requestAnimationFrame(step) : done(times); };
              requestAnimationFrame(step); })"""
        )
        page.goto("about:blank")

    intervals = sorted(later - one for one, later in pairwise(frames))
    assert intervals[len(intervals) // 2] <= 1000 / FRAMES_PER_SECOND
    assert opened < 5
