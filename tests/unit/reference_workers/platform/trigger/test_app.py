"""The endpoint answers hostile callers clearly and starts nothing for them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from structlog.testing import capture_logs

from reference_workers.platform.state.models import Recording
from reference_workers.platform.trigger.app import PATH, create_app
from reference_workers.platform.trigger.daily_webhook import SignatureCheck
from reference_workers.platform.trigger.process import Trigger
from reference_workers.platform.trigger.switch import Switch
from tests.unit.reference_workers.platform.trigger.signed_events import KEY, event, signed
from tests.unit.reference_workers.worker_harness import WorkerHarness

OTHER_KEY = "b3RoZXI="


@pytest.fixture
def sent() -> list[str]:
    return []


@pytest.fixture
async def endpoint(harness: WorkerHarness, sent: list[str]) -> Iterator[httpx.AsyncClient]:  # type: ignore[misc]
    def no_conductor() -> None:
        raise AssertionError("the switch names no Conductor")

    trigger = Trigger(
        harness.clients.state,
        Switch(conductor=False, legacy=True, fallback=False),
        no_conductor,  # type: ignore[arg-type]
        lambda _id, transcript, _row: sent.append(transcript.id),
    )
    app = create_app(trigger, SignatureCheck(KEY), bucket_name="recordings")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://trigger") as client:
        yield client


async def test_a_finished_recording_is_processed(
    endpoint: httpx.AsyncClient, sent: list[str]
) -> None:
    body = event()

    answer = await endpoint.post(PATH, content=body, headers=signed(body))

    assert answer.status_code == 200
    assert answer.json() == {"processed": True, "transcript_id": sent[0]}


async def test_other_events_are_acknowledged(endpoint: httpx.AsyncClient, sent: list[str]) -> None:
    body = b'{"type": "meeting.ended", "payload": {}}'

    answer = await endpoint.post(PATH, content=body, headers=signed(body))

    assert (answer.status_code, answer.json(), sent) == (200, {"processed": False}, [])


@pytest.mark.parametrize(
    ("body", "changes", "status", "reason"),
    [
        (event(), {"key": OTHER_KEY}, 401, "signature is wrong"),
        (event(), {"age": 301}, 401, "away"),
        (event(), {"age": -301}, 401, "away"),
        (event(), None, 401, "signature is wrong"),
        (b"x" * 10_000_000, {}, 413, "too large"),
        (b"not json", {}, 422, "not JSON"),
        (event(room_name="Elsewhere"), {}, 404, "no room is called 'Elsewhere'"),
        (event(tracks=()), {}, 422, "no microphone track"),
        (event(tracks=("a/../1-x-cam-audio-2",)), {}, 422, "leaves its folder"),
        (event(tracks=("a\n1-x-cam-audio-2",)), {}, 422, "control characters"),
    ],
)
async def test_bad_webhooks_are_refused_clearly_and_logged(
    body: bytes,
    changes: dict[str, object] | None,
    status: int,
    reason: str,
    endpoint: httpx.AsyncClient,
    sent: list[str],
    harness: WorkerHarness,
) -> None:
    headers = {} if changes is None else signed(body, **changes)  # type: ignore[arg-type]

    with capture_logs() as logs:
        answer = await endpoint.post(PATH, content=body, headers=headers)

    assert answer.status_code == status
    assert reason in answer.json()["error"]
    assert [(one["event"], one["status"]) for one in logs] == [("webhook refused", status)]
    assert sent == []
    with harness.clients.state.read_session() as session:
        assert session.get(Recording, "rec-9") is None
