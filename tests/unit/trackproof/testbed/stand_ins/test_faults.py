from __future__ import annotations

import time
from itertools import islice
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from tests.unit.trackproof.testbed.stand_ins.transports import Caller, bearer
from trackproof.testbed.stand_ins import Fault, StandIns
from trackproof.testbed.stand_ins.faults import Faults
from trackproof.wait import wait_until


def fetch(stand_ins: StandIns, caller: Caller, path: str = "/recordings/rec-1") -> httpx.Response:
    """Request something from Daily."""
    return caller.call("daily", "GET", path, headers=bearer(stand_ins.credentials.daily_key))


def post(stand_ins: StandIns, caller: Caller) -> httpx.Response:
    """Post a message to Zulip."""
    keys = stand_ins.credentials
    form = {"type": "stream", "to": "s", "topic": "t", "content": "c"}
    auth = (keys.zulip_email, keys.zulip_key)
    return caller.call("zulip", "POST", "/api/v1/messages", data=form, auth=auth)


def test_fault_applies_to_the_given_number_of_requests(stand_ins: StandIns, caller: Caller) -> None:
    stand_ins.faults.add(Fault(service="daily", status=503, times=2))

    statuses = [fetch(stand_ins, caller).status_code for _ in range(3)]

    assert statuses == [503, 503, 200]
    assert [r.faulted for r in stand_ins.ledger.requests()] == [True, True, False]
    assert [r.carried_out for r in stand_ins.ledger.requests()] == [False, False, True]


def test_fault_without_times_applies_until_cleared(stand_ins: StandIns, caller: Caller) -> None:
    stand_ins.faults.add(Fault(service="daily", status=500))
    while_faulty = {fetch(stand_ins, caller).status_code for _ in range(4)}
    stand_ins.faults.clear()

    assert while_faulty == {500}
    assert fetch(stand_ins, caller).status_code == 200


def test_fault_sets_status_headers_and_body(stand_ins: StandIns, any_caller: Caller) -> None:
    stand_ins.faults.add(
        Fault(
            service="daily",
            status=429,
            body="slow down",
            headers={"Retry-After": "7", "Content-Type": "text/plain"},
        )
    )

    answer = fetch(stand_ins, any_caller)

    assert (answer.status_code, answer.text) == (429, "slow down")
    assert answer.headers["retry-after"] == "7"
    assert answer.headers.get_list("content-type") == ["text/plain"]


def test_fault_body_alone_has_status_200(stand_ins: StandIns, caller: Caller) -> None:
    stand_ins.faults.add(Fault(service="daily", body='{"id": "rec'))

    answer = fetch(stand_ins, caller)

    assert (answer.status_code, answer.text) == (200, '{"id": "rec')


def test_fault_matches_service_method_and_path(stand_ins: StandIns, caller: Caller) -> None:
    stand_ins.faults.add(
        Fault(service="daily", path="/meetings/*", status=500),
        Fault(service="daily", method="POST", status=501),
        Fault(service="modal", status=502),
    )

    assert fetch(stand_ins, caller).status_code == 200
    assert fetch(stand_ins, caller, "/meetings/session-1/participants").status_code == 500


def test_fault_matches_a_text_of_the_body(stand_ins: StandIns, caller: Caller) -> None:
    stand_ins.faults.add(Fault(service="zulip", sent="content=d", status=400))
    assert post(stand_ins, caller).status_code == 200

    stand_ins.faults.add(Fault(service="zulip", sent="content=c", status=400))
    assert post(stand_ins, caller).status_code == 400


def test_oldest_matching_fault_applies(stand_ins: StandIns, caller: Caller) -> None:
    stand_ins.faults.add(Fault(service="daily", status=500, times=1))
    stand_ins.faults.add(Fault(service="daily", status=502, times=2))

    statuses = [fetch(stand_ins, caller).status_code for _ in range(2)]

    assert statuses == [500, 502]
    assert [(f.status, f.times) for f in stand_ins.faults.active()] == [(502, 1)]


def test_dropped_connection_has_no_response(stand_ins: StandIns, any_caller: Caller) -> None:
    stand_ins.faults.add(Fault(service="daily", drop=True, times=1))

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        fetch(stand_ins, any_caller)

    assert fetch(stand_ins, any_caller).status_code == 200
    dropped, _ = stand_ins.ledger.requests("daily")
    assert (dropped.status, dropped.faulted, dropped.carried_out) == (None, True, False)
    assert dropped.answered_at is not None


@pytest.mark.parametrize("how", [{"drop": True}, {"status": 500}])
def test_carried_out_fault_performs_the_request(
    stand_ins: StandIns, any_caller: Caller, how: dict[str, Any]
) -> None:
    stand_ins.faults.add(Fault(service="zulip", carried_out=True, times=1, **how))

    try:
        assert post(stand_ins, any_caller).status_code == 500
    except httpx.TransportError:
        assert "drop" in how

    assert len(stand_ins.zulip.messages()) == 1
    assert stand_ins.ledger.requests()[0].carried_out


@pytest.mark.parametrize("how", [{"drop": True}, {"status": 500}, {"body": "{"}])
def test_fault_prevents_the_request_by_default(
    stand_ins: StandIns, caller: Caller, how: dict[str, Any]
) -> None:
    stand_ins.faults.add(Fault(service="zulip", **how))

    try:
        post(stand_ins, caller)
    except httpx.TransportError:
        assert "drop" in how

    assert stand_ins.zulip.messages() == []
    assert not stand_ins.ledger.requests()[0].carried_out


def test_delayed_response_is_correct(stand_ins: StandIns, any_caller: Caller) -> None:
    stand_ins.faults.add(Fault(service="daily", delay=0.05))

    sent_at = time.monotonic()
    answer = fetch(stand_ins, any_caller)

    assert time.monotonic() - sent_at >= 0.05
    assert answer.json()["id"] == "rec-1"
    assert stand_ins.ledger.requests()[0].carried_out


def test_client_times_out_on_a_long_delay(stand_ins: StandIns, any_caller: Caller) -> None:
    stand_ins.faults.add(Fault(service="zulip", delay=30, carried_out=True))
    keys = stand_ins.credentials

    with pytest.raises(httpx.ReadTimeout):
        any_caller.call(
            "zulip",
            "POST",
            "/api/v1/messages",
            data={"type": "stream", "to": "s", "topic": "t", "content": "c"},
            auth=(keys.zulip_email, keys.zulip_key),
            timeout=httpx.Timeout(5, read=0.2),
        )

    # On a busy machine the client may time out before the service starts.
    wait_until(lambda: bool(stand_ins.zulip.messages()), what="the message", timeout=20)
    assert len(stand_ins.zulip.messages()) == 1


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({}, "a fault needs a status"),
        ({"drop": True, "status": 500}, "no status"),
        ({"drop": True, "headers": {"a": "b"}}, "no status"),
        ({"delay": 1, "headers": {"a": "b"}}, "need a status"),
        ({"status": 99}, "greater than or equal to 200"),
        ({"status": 500, "times": 0}, "greater than or equal to 1"),
        ({"delay": -1}, "greater than or equal to 0"),
        ({"status": 500, "tmies": 1}, "Extra inputs"),
        ({"text": "same"}, "text applies only to llm"),
        ({"status": 500, "skip": -1}, "greater than or equal to 0"),
    ],
)
def test_contradictory_rule_is_invalid(rule: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Fault(service="daily", **rule)


def test_rule_for_an_unknown_service_is_invalid(stand_ins: StandIns) -> None:
    with pytest.raises(ValueError, match="unknown service 'dayli'; known: daily, llm, modal"):
        stand_ins.faults.add(Fault(service="dayli", status=500))


def test_a_fault_that_no_request_met_is_unmet_until_cleared(
    stand_ins: StandIns, caller: Caller
) -> None:
    met = Fault(service="daily", status=503, times=1)
    unmet = Fault(service="zulip", drop=True)
    stand_ins.faults.add(met, unmet)

    fetch(stand_ins, caller)

    assert stand_ins.faults.unmet() == [unmet]
    assert stand_ins.faults.active() == [unmet]
    stand_ins.faults.clear()
    assert (stand_ins.faults.unmet(), len(stand_ins.faults)) == ([], 0)


def test_a_fault_skips_the_requests_before_it() -> None:
    faults = Faults(frozenset({"s3"}))
    faults.add(Fault(service="s3", status=503, skip=2, times=1))

    taken = [faults.take("s3", "GET", "key") for _ in range(4)]

    assert [fault and fault.status for fault in taken] == [None, None, 503, None]


def test_a_lasting_fault_outlasts_clear_and_counts_for_no_test() -> None:
    faults = Faults(frozenset({"s3"}))
    lasting = faults.add_lasting(Fault(service="s3", path="lasting", status=500))
    faults.add(Fault(service="s3", status=503))

    faults.clear()

    assert (faults.unmet(), len(faults)) == ([], 0)
    assert [fault.path for fault in lasting.unmet()] == ["lasting"]
    taken = [faults.take("s3", "GET", path) for path in ("lasting", "other")]
    assert [fault and fault.status for fault in taken] == [500, None]
    assert lasting.unmet() == []
    lasting.remove()
    assert faults.take("s3", "GET", "lasting") is None


def test_a_dripped_body_lasts_until_the_client_gives_up(stand_ins: StandIns) -> None:
    stand_ins.faults.add(Fault(service="daily", status=200, drip=0.01))
    headers = bearer(stand_ins.credentials.daily_key)
    with (
        stand_ins.serve() as served,
        httpx.stream("GET", f"{served.urls['daily']}/recordings/rec-1", headers=headers) as answer,
    ):
        received = list(islice(answer.iter_raw(1), 3))

    assert (answer.status_code, received) == (200, [b" "] * 3)


@pytest.mark.parametrize("how", [{"delay": 1.0}, {"drop": True}])
def test_drip_needs_an_answer(how: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="drip needs"):
        Fault(service="daily", drip=1.0, **how)
