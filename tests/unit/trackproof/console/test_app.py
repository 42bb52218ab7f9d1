"""The console's pages: escaped, guarded, and working from kept runs alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from pydantic import TypeAdapter
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.unit.trackproof.report import run_events, verify_events
from tests.unit.trackproof.report.meeting_results import meeting_result
from tests.unit.trackproof.report.verify_events import HOSTILE
from trackproof.console.desk import Desk, Job
from trackproof.console.form import rest_as_toml
from trackproof.console.live import LiveRun
from trackproof.console.server import serving
from trackproof.console.warm_bench import Where
from trackproof.events.meeting import MeetingResult
from trackproof.events.runs import AttemptsSeen, Check, RunStarted
from trackproof.fleet import REFERENCE
from trackproof.scenarios import find_scenario
from trackproof.verify.run_store import RunFolder, begin_run
from trackproof.verify.run_store.observed import RESULT_FILE

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, httpx.Client]]:
    folder = tmp_path_factory.mktemp("console")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACKPROOF_STATE_DIR", str(folder / "state"))
        desk = Desk(Where(), lambda _: REFERENCE, folder / "meetings")
        with serving(desk) as url, httpx.Client(base_url=url) as client:
            yield desk, client


@pytest.fixture
def desk(served: tuple[Desk, httpx.Client]) -> Iterator[Desk]:
    yield served[0]
    for job in served[0].queued():
        served[0].stop(job.id)


@pytest.fixture
def client(served: tuple[Desk, httpx.Client]) -> httpx.Client:
    return served[1]


def form_headers(client: httpx.Client) -> dict[str, str]:
    return {"Origin": str(client.base_url).rstrip("/"), "Content-Type": FORM}


def kept(result: MeetingResult | None = None, text: str = "S3 answered 503") -> RunFolder:
    scenario = find_scenario("three-tracks")
    folder = begin_run("run", fleet="acme", name=scenario.name, scenario=scenario)
    content = TypeAdapter(MeetingResult).dump_json(result or meeting_result())
    folder.write_bytes(RESULT_FILE, content)
    folder.write_bytes("mixdown.mp3", b"ID3 mixdown")
    folder.write_bytes("secret.txt", b"not for anybody")
    folder.write(run_events.every_status(text))
    return folder


def post(client: httpx.Client, path: str, fields: dict[str, str]) -> Any:
    return client.post(path, content=urlencode(fields), headers=form_headers(client))


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {"Host": "evil.example"}),
        ("/", {"Host": "evil.example:8765"}),
        ("/", {"Host": "127.0.0.1.evil.example"}),
        ("/", {"Host": ""}),
        ("/", {"Origin": "http://evil.example"}),
        ("/", {"Origin": "http://127.0.0.1:1"}),
        ("/", {"Origin": "null"}),
        ("/", {"Sec-Fetch-Site": "cross-site"}),
        ("/static/page.css", {"Sec-Fetch-Site": "same-site"}),
    ],
)
def test_other_hosts_and_origins_are_refused(
    client: httpx.Client, path: str, headers: dict[str, str]
) -> None:
    assert client.get(path, headers=headers).status_code == 403


@pytest.mark.parametrize("origin", [None, "http://evil.example", "https://127.0.0.1"])
def test_only_the_page_itself_starts_something(client: httpx.Client, origin: str | None) -> None:
    headers = {"Content-Type": FORM} | ({"Origin": origin} if origin else {})

    answer = client.post("/scenarios/three-tracks", content="tracks=1", headers=headers)

    assert answer.status_code == 403


def live_run(client: httpx.Client, run_id: str, origin: str | None = "") -> ClientConnection:
    here = str(client.base_url).rstrip("/")
    url = f"{here.replace('http', 'ws')}/runs/{run_id}/live"
    return connect(url, origin=here if origin == "" else origin)  # type: ignore[arg-type]


@pytest.mark.parametrize("origin", [None, "http://evil.example"])
def test_a_foreign_page_gets_no_live_run(client: httpx.Client, origin: str | None) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        live_run(client, "x", origin)


@pytest.mark.parametrize("path", ["/", "/scenarios/three-tracks", "/runs", "/no/such/page"])
def test_every_answer_forbids_scripts_of_others(client: httpx.Client, path: str) -> None:
    answer = client.get(path)

    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?! src=\"/static/)", answer.text)
    assert not re.search(r"\son\w+=|style=", answer.text)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/no/such/<b>page</b>", 404), ("/runs/20260101-000000-a-0000/against", 400)],
)
def test_an_unknown_page_is_a_page_too(client: httpx.Client, path: str, status: int) -> None:
    answer = client.get(path)

    assert answer.status_code == status
    assert answer.text.startswith("<!DOCTYPE html>")
    assert "<b>" not in answer.text


def test_the_gallery_shows_and_filters_scenarios(client: httpx.Client) -> None:
    everything, some = client.get("/").text, client.get("/?tag=process&words=killed").text

    assert "Three participants, everything works" in everything
    assert "worker-killed" in some
    assert "three-tracks" not in some


def test_markup_is_text_everywhere(client: httpx.Client) -> None:
    tame, hostile = kept(), kept(meeting_result(HOSTILE), HOSTILE)

    def tags(text: str) -> list[str]:
        return re.findall(r"<[a-z0-9]+", text)

    pages = [client.get(f"/runs/{one.record.id}").text for one in (tame, hostile)]
    assert tags(pages[1]) == tags(pages[0])
    assert "&lt;img src=x onerror=alert(1)&gt;" in pages[1]
    form = client.get("/", params={"words": '"><script>alert(1)</script>'}).text
    assert "<script>alert" not in form
    name = urlencode({"tracks": "3", "seconds": "9", "seed": "0", "rest": "</textarea><script>"})
    refused = client.post("/scenarios/three-tracks", content=name, headers=form_headers(client))
    assert refused.status_code == 400
    assert "</textarea><script>" not in refused.text


def test_a_scenario_starts_with_the_values_of_the_form(client: httpx.Client, desk: Desk) -> None:
    fields = {"tracks": "4", "seconds": "12.5", "seed": "7", "denied": "1, 2", "names": "Ada\nBo"}
    rest = "[[faults]]\nplace = 'zulip'\nanswer = {status = 502}"

    answer = post(client, "/scenarios/three-tracks", {**fields, "rest": rest})

    assert answer.status_code == 303
    [job] = desk.queued()
    assert answer.headers["Location"] == f"/runs/{job.id}"
    table = job.scenario.meeting
    assert (table.tracks, table.seconds, table.seed) == (4, 12.5, 7)
    assert (table.denied, table.names) == ((1, 2), ("Ada", "Bo"))
    assert job.scenario.faults[0].place == "zulip"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tracks": "many"}, "tracks: &#39;many&#39; is no number"),
        ({"tracks": "99"}, "less than or equal to 64"),
        ({"tracks": "3", "seconds": "0.1"}, "do not fit into a meeting"),
        ({"rest": "[meting]"}, "unknown tables: meting"),
        ({"rest": "[expect]\nstatuss = 1"}, "did you mean &#39;status&#39;?"),
        ({"rest": "= 1"}, "no TOML"),
    ],
)
def test_a_wrong_form_starts_nothing_and_says_why(
    client: httpx.Client, desk: Desk, fields: dict[str, str], message: str
) -> None:
    answer = post(client, "/scenarios/three-tracks", fields)

    assert answer.status_code == 400
    assert message in answer.text
    assert desk.queued() == []


@pytest.mark.parametrize("name", ["zulip-down", "conductor-killed", "nobody-speaks", "daily-429"])
def test_an_unchanged_form_is_the_scenario_itself(
    client: httpx.Client, desk: Desk, name: str
) -> None:
    text = client.get(f"/scenarios/{name}").text
    scenario = find_scenario(name)
    fields = {
        "tracks": str(scenario.meeting.tracks),
        "seconds": str(scenario.meeting.seconds),
        "seed": str(scenario.meeting.seed),
        "rest": rest_as_toml(scenario),
        "response_seconds": str(scenario.conductor.response_seconds or ""),
        **({"durable": "on"} if scenario.conductor.durable else {}),
    }

    assert post(client, f"/scenarios/{name}", fields).status_code == 303
    assert scenario.title in text
    [job] = desk.queued()
    assert job.scenario.model_dump() == scenario.model_dump()


def test_a_persons_verdict_is_kept_and_in_the_report(client: httpx.Client) -> None:
    record = kept().record
    point = find_scenario("three-tracks").look_for[0]
    fields = {"point": point, "word": "fail", "note": "swapped <b>names</b>", "who": "Ada"}

    answer = post(client, f"/runs/{record.id}/verdict", fields)

    assert answer.status_code == 303
    page = client.get(f"/runs/{record.id}").text
    assert "swapped &lt;b&gt;names&lt;/b&gt;" in page
    report = client.get(f"/runs/{record.id}/report/html")
    assert "swapped &lt;b&gt;names&lt;/b&gt;" in report.text
    assert "attachment" in report.headers["Content-Disposition"]
    assert post(client, f"/runs/{record.id}/verdict", {**fields, "word": "x"}).status_code == 400


@pytest.mark.parametrize(
    ("kind", "begin"),
    [("html", "<!DOCTYPE"), ("markdown", "## FAILED"), ("json", "{"), ("junit", "<?xml")],
)
def test_every_report_of_a_run_can_be_downloaded(
    client: httpx.Client, kind: str, begin: str
) -> None:
    record = kept().record

    assert client.get(f"/runs/{record.id}/report/{kind}").text.startswith(begin)


def test_the_trace_has_queue_work_and_requests(client: httpx.Client) -> None:
    record = kept().record

    trace = json.loads(client.get(f"/runs/{record.id}/report/trace").text)

    names = {event["name"] for event in trace["traceEvents"]}
    assert {"queue", "get_recording", "GET /hello"} <= names


@pytest.mark.parametrize(
    "name", ["secret.txt", "run.json", "..%2Frun.json", "%2e%2e/secret.txt", "track-07.webm"]
)
def test_only_kept_audio_is_served(client: httpx.Client, name: str) -> None:
    record = kept().record

    assert client.get(f"/runs/{record.id}/audio/mixdown.mp3").content == b"ID3 mixdown"
    part = client.get(f"/runs/{record.id}/audio/mixdown.mp3", headers={"Range": "bytes=0-2"})
    assert (part.status_code, part.content) == (206, b"ID3")
    assert client.get(f"/runs/{record.id}/audio/{name}").status_code == 404


def test_a_verification_shows_what_did_not_pass(client: httpx.Client) -> None:
    folder = begin_run("verify", fleet="acme")
    for event in verify_events.verification(*verify_events.EVERY_STATUS):
        folder.write(event)

    page = client.get(f"/runs/{folder.record.id}").text

    assert "FAILED" in page
    assert "merge_transcripts.sorted" in page


def test_two_runs_are_compared(client: httpx.Client) -> None:
    older, newer = kept(), kept(replace(meeting_result(), title="another"))

    page = client.get(f"/runs/{newer.record.id}/against?older={older.record.id}").text

    assert "hello title" in page
    assert "another" in page


def test_a_live_page_gets_what_was_and_what_comes(client: httpx.Client, desk: Desk) -> None:
    scenario = find_scenario("three-tracks")
    job = desk.add(scenario, "reference")
    assert isinstance(job, Job)
    job.live.write(RunStarted("workflow-1", 3, "process", "3.15.0"))

    with live_run(client, job.id) as socket:

        def received() -> dict[str, str]:
            message: dict[str, str] = json.loads(socket.recv(timeout=5))
            return message

        parts = {one["part"]: one["html"] for one in (received(), received())}
        assert "workflow-1" in parts["state"]
        assert "pad_track" in parts["workflow"]
        job.live.write(AttemptsSeen(run_events.timeline(run_events.attempt("get_recording"))))
        assert "✓ get_recording" in received()["html"]
        assert "get_recording" in received()["html"]
        job.live.write(Check("words.complete", False, HOSTILE))
        checks = received()
        assert checks["part"] == "checks"
        assert "<img" not in checks["html"]


def test_a_waiting_run_can_be_taken_from_the_queue(client: httpx.Client, desk: Desk) -> None:
    job = desk.add(find_scenario("three-tracks"), "reference")

    assert "waits" in client.get("/").text
    assert post(client, f"/runs/{job.id}/act", {"action": "stop"}).status_code == 303
    assert desk.queued() == []
    assert desk.store.read(job.id).verdict == "interrupted"


def test_a_run_that_is_not_under_way_cannot_be_disturbed(client: httpx.Client, desk: Desk) -> None:
    job = desk.add(find_scenario("three-tracks"), "reference")

    for action in ("kill", "pause", "retry", "explode"):
        fields = {"action": action, "place": "fleet"}
        assert post(client, f"/runs/{job.id}/act", fields).status_code == 400


def test_a_large_form_is_refused(client: httpx.Client) -> None:
    body = b"x=" + b"y" * 300_000

    answer = client.post("/scenarios/three-tracks", content=body, headers=form_headers(client))

    assert answer.status_code == 400


def test_pictures_are_not_drawn_faster_than_they_can_be_seen() -> None:
    live = LiveRun("run")
    event = AttemptsSeen(run_events.timeline(run_events.attempt("get_recording")))
    later = AttemptsSeen(run_events.timeline(run_events.attempt("finalize")))

    live.write(event)
    live.write(later)

    assert "finalize</text>" not in live.parts()["timeline"]
