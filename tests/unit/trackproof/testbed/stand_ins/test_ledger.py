from __future__ import annotations

import threading
from itertools import count

import pytest

from tests.unit.trackproof.testbed.stand_ins.transports import Caller
from trackproof.errors import DeadlineError
from trackproof.testbed.stand_ins import Ledger, StandIns
from trackproof.testbed.stand_ins.contract_violations import IncomingRequest


def note(ledger: Ledger, path: str, *, service: str = "daily", status: int | None = 200) -> None:
    """Write down one request and its answer."""
    ticket = ledger.open(service, IncomingRequest("GET", path, {}, (), b""))
    ledger.close(ticket, status=status)


def test_everything_about_a_request_is_written_down(stand_ins: StandIns, caller: Caller) -> None:
    caller.call(
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
    assert entry.header("no-such-header", "nothing") == "nothing"
    assert (entry.body, entry.json, entry.form) == (b'{"model": 1}', {"model": 1}, {})
    assert entry.status == 401
    assert b"Incorrect API key" in entry.response
    assert entry.answered_at is not None
    assert entry.answered_at >= entry.received_at
    assert (entry.faulted, entry.carried_out) == (False, True)


def test_a_form_is_parsed_and_its_bytes_are_kept(stand_ins: StandIns, caller: Caller) -> None:
    caller.call("zulip", "POST", "/api/v1/messages", data={"to": "ä b", "content": ""})

    (entry,) = stand_ins.ledger.requests("zulip")
    assert entry.form == {"to": "ä b", "content": ""}
    assert entry.body == b"to=%C3%A4+b&content="
    assert entry.json is None


def test_paths_are_the_same_whichever_way_a_request_came(
    stand_ins: StandIns, caller: Caller
) -> None:
    caller.call("daily", "GET", "/recordings/a%20b%C3%BC")

    assert stand_ins.ledger.requests()[0].path == "/recordings/a bü"


def test_requests_are_found_by_service_method_path_and_status(
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
    last = ledger.last("webhook")
    assert last is not None
    assert last.path == "/out"
    assert ledger.last("modal") is None
    assert ledger.describe().splitlines()[0].endswith("daily GET /recordings/rec-1 -> 401")


def test_numbers_count_over_all_services() -> None:
    ledger = Ledger(clock=count().__next__)
    note(ledger, "/a")
    note(ledger, "/b", service="modal")

    assert [(r.number, r.received_at, r.answered_at) for r in ledger.requests()] == [
        (0, 0, 1),
        (1, 2, 3),
    ]


def test_no_request_is_lost_when_many_come_at_once() -> None:
    ledger = Ledger()

    def note_fifty() -> None:
        for _ in range(50):
            note(ledger, "/x")

    threads = [threading.Thread(target=note_fifty) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ledger.count(status=200) == 400
    assert [r.number for r in ledger.requests()] == list(range(400))


def test_waiting_ends_when_enough_requests_are_answered() -> None:
    ledger = Ledger()
    note(ledger, "/a", status=None)
    later = threading.Timer(0.01, note, (ledger, "/b"))
    later.start()

    found = ledger.wait_for(2, "daily", timeout=5)
    later.join()

    assert [request.path for request in found] == ["/a", "/b"]


def test_waiting_in_vain_shows_what_came_instead() -> None:
    ledger = Ledger()
    note(ledger, "/a")

    with pytest.raises(DeadlineError, match="waited 0 s for 1 requests to modal") as caught:
        ledger.wait_for(1, "modal", timeout=0)

    assert "daily GET /a -> 200" in caught.value.evidence


def test_a_request_under_way_does_not_outlive_clearing() -> None:
    ledger = Ledger()
    ticket = ledger.open("daily", IncomingRequest("GET", "/", {}, (), b""))

    ledger.clear()
    ledger.close(ticket, status=200)

    assert ledger.requests() == []
