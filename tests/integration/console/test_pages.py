"""The console in a browser, from kept runs: legible, accessible by keyboard, and quick."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import WIDTHS, chromium, is_too_wide, needs_chromium, watched_page
from tests.browser.kept_meetings import keep_meeting
from tests.integration.report.test_html import POOR_CONTRASTS
from tests.unit.trackproof.report import run_events
from tests.unit.trackproof.report.verify_events import HOSTILE
from trackproof.console.desk import Desk
from trackproof.console.server import serving
from trackproof.console.warm_bench import Where
from trackproof.events.runs import AttemptsSeen, RunEnded
from trackproof.fleet import REFERENCE
from trackproof.scenarios import find_scenario

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("TRACKPROOF_STATE_DIR", str(tmp_path / "state"))
    return Desk(Where(), lambda _: REFERENCE, tmp_path / "meetings")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with watched_page(browser) as page:
        yield page


def test_every_view_fits_and_has_enough_contrast(desk: Desk, page: Page) -> None:
    older, newer = keep_meeting(), keep_meeting(text=HOSTILE, speakers=9)
    waiting = desk.add(find_scenario("worker-killed"), "reference")
    views = ["/", "/scenarios/zulip-down", "/runs", f"/runs/{waiting.id}", f"/runs/{newer.id}"]
    views.append(f"/runs/{newer.id}/against?older={older.id}")

    with serving(desk) as url:
        for view in views:
            page.goto(url + view)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                assert not is_too_wide(page), f"{view} at {width}"
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                assert page.evaluate(POOR_CONTRASTS) == [], f"{view}, {scheme}"


def test_a_word_is_heard_and_a_point_is_judged_by_keyboard(desk: Desk, page: Page) -> None:
    record = keep_meeting()
    with serving(desk) as url:
        page.goto(f"{url}/runs/{record.id}")
        page.wait_for_function("document.getElementById('player').readyState > 0")
        page.get_by_text("hello8", exact=True).click()
        page.wait_for_function("document.getElementById('player').currentTime >= 4")
        page.wait_for_selector(".now")
        page.evaluate("document.getElementById('player').pause()")
        page.locator("#words").focus()
        page.keyboard.press("ArrowLeft")
        page.wait_for_function("document.getElementById('player').currentTime < 4.6")
        first = page.locator(".points li").first
        first.get_by_label("fail").focus()
        page.keyboard.press("Space")
        first.get_by_label("Note", exact=True).focus()
        page.keyboard.type("swapped")
        page.keyboard.press("Enter")
        expect(page.locator(".points li").first).to_contain_text("swapped")
        page.goto("about:blank")  # its audio is still loading


def test_a_live_page_changes_without_a_click_and_becomes_the_result(desk: Desk, page: Page) -> None:
    job = desk.add(find_scenario("three-tracks"), "reference")
    with serving(desk) as url:
        page.goto(f"{url}/runs/{job.id}")
        expect(page.locator("#part-state")).to_contain_text("waits")
        event = AttemptsSeen(run_events.timeline(run_events.attempt("get_recording")))
        job.live.write(event)
        expect(page.locator("#part-workflow")).to_contain_text("✓ get_recording")
        ended = run_events.passed_run()[-1]
        assert isinstance(ended, RunEnded)
        job.folder.write(ended)
        job.live.write(ended)
        expect(page.locator("h1")).to_contain_text("HELD")
        page.wait_for_load_state()
        page.goto("about:blank")  # nothing is loading when the server ends
