from __future__ import annotations

import threading
from dataclasses import replace
from itertools import count

from tests.unit.trackproof.testbed.stand_ins.transports import Caller
from trackproof.testbed.stand_ins import Ledger, StandIns
from trackproof.testbed.stand_ins.contract_violations import IncomingRequest


def record(ledger: Ledger, path: str, *, service: str = "daily", status: int | None = 200) -> None:
    """Record one request and its answer."""
    ticket = ledger.open(service, IncomingRequest("GET", path, {}, (), b""))
    ledger.close(ticket, status=status)


def test_request_is_recorded_completely(stand_ins: StandIns, any_caller: Caller) -> None:
    any_caller.call(
        "llm",
        "POST",
        "/chat/completions?trace=é&empty=",
        content=b'{"model": 1}',
        headers={"X-Trace": "Abc", "Authorization": "Bearer wrong"},
    )

    (entry,) = stand_ins.ledger.requests()
    assert (entry.service, entry.method, entry.path) == ("llm", "POST", "/chat/completions")
    assert entry.query == {"trace": "é", "empty": ""}
    assert entry.header("x-trace") == "Abc"
    assert entry.header("no-such-header", "default") == "default"
    assert (entry.body, entry.json, entry.form) == (b'{"model": 1}', {"model": 1}, {})
    assert entry.status == 401
    assert b"Incorrect API key" in entry.response
    assert entry.answered_at is not None
    assert entry.answered_at >= entry.received_at
    assert (entry.faulted, entry.carried_out) == (False, True)


def test_form_is_parsed_and_recorded_raw(stand_ins: StandIns, any_caller: Caller) -> None:
    any_caller.call("zulip", "POST", "/api/v1/messages", data={"to": "ä b", "content": ""})

    (entry,) = stand_ins.ledger.requests("zulip")
    assert entry.form == {"to": "ä b", "content": ""}
    assert entry.body == b"to=%C3%A4+b&content="
    assert entry.json is None


def test_path_is_recorded_decoded(stand_ins: StandIns, any_caller: Caller) -> None:
    any_caller.call("daily", "GET", "/recordings/a%20b%C3%BC")

    assert stand_ins.ledger.requests()[0].path == "/recordings/a bü"


def test_requests_are_filtered_by_service_method_path_and_status(
    stand_ins: StandIns, caller: Caller
) -> None:
    caller.call("daily", "GET", "/recordings/rec-1")
    caller.call("webhook", "POST", "/in")
    caller.call("webhook", "POST", "/out")
    ledger = stand_ins.ledger

    assert ledger.count() == 3
    assert ledger.count("webhook", path="/o*") == 1
    assert ledger.count(method="GET") == 1
    assert ledger.count(status=401) == 1


def test_numbers_count_over_all_services() -> None:
    ledger = Ledger(clock=count().__next__)
    record(ledger, "/a")
    record(ledger, "/b", service="modal")

    assert [(r.number, r.received_at, r.answered_at) for r in ledger.requests()] == [
        (0, 0, 1),
        (1, 2, 3),
    ]


def test_concurrent_requests_are_all_recorded() -> None:
    ledger = Ledger()

    def record_fifty() -> None:
        for _ in range(50):
            record(ledger, "/x")

    threads = [threading.Thread(target=record_fifty) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ledger.count(status=200) == 400
    assert [r.number for r in ledger.requests()] == list(range(400))


def test_translated_view_maps_requests_and_filters_by_the_result() -> None:
    ledger = Ledger()
    record(ledger, "/a")
    view = ledger.translated(lambda request: replace(request, path="/translated"))

    record(ledger, "/b")

    assert view.count(path="/translated") == 2
    assert [request.path for request in ledger.requests()] == ["/a", "/b"]


def test_clear_also_removes_unanswered_requests() -> None:
    ledger = Ledger()
    ticket = ledger.open("daily", IncomingRequest("GET", "/", {}, (), b""))

    ledger.clear()
    ledger.close(ticket, status=200)

    assert ledger.requests() == []
