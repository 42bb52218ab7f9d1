from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import respx

from reference_workers import metrics
from reference_workers.errors import TransientError
from reference_workers.metrics import measure
from reference_workers.services.http import send_request, stream


@pytest.fixture
def client() -> httpx.Client:
    return httpx.Client(base_url="https://llm.test/v1/")


@respx.mock
def test_a_request_is_counted_with_its_bytes(client: httpx.Client) -> None:
    respx.post("https://llm.test/v1/ask").respond(200, text="answer")

    with measure() as meter:
        send_request(client, "POST", "ask?key=5ecret", content=b"question")

    (call,) = meter.calls
    assert (call.service, call.action, call.status) == ("llm.test", "POST", 200)
    assert (meter.bytes_out, meter.bytes_in) == (8, 6)
    assert call.seconds > 0
    assert "5ecret" not in repr(meter)


@respx.mock
def test_a_request_without_an_answer_is_counted(client: httpx.Client) -> None:
    respx.get("https://llm.test/v1/ask").mock(side_effect=httpx.ConnectError("refused"))

    with measure() as meter, pytest.raises(TransientError):
        send_request(client, "GET", "ask")

    assert [call.status for call in meter.calls] == [None]


@respx.mock
def test_streamed_bytes_are_counted(client: httpx.Client) -> None:
    respx.get("https://s3.test/a").respond(200, content=b"x" * 1000)

    with measure() as meter:
        assert b"".join(stream(client, "https://s3.test/a", seconds=5)) == b"x" * 1000

    assert [call.status for call in meter.calls] == [200]
    assert meter.bytes_in == 1000


@pytest.mark.parametrize("usage", [None, [], {}, {"prompt_tokens": "many"}, {"prompt_tokens": -1}])
def test_invalid_token_usage_is_ignored(usage: object) -> None:
    with measure() as meter:
        metrics.add_token_usage(usage)

    assert (meter.prompt_tokens, meter.completion_tokens) == (0, 0)


def test_threads_are_measured_separately() -> None:
    def task(seconds: int) -> float:
        with measure() as meter:
            for _ in range(100):
                metrics.add_audio_seconds(seconds)
        return meter.audio_seconds

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(task, range(8))) == [100.0 * seconds for seconds in range(8)]


def test_without_a_meter_nothing_is_counted() -> None:
    metrics.add_audio_seconds(1)
    metrics.add_audio_bytes(1)
    metrics.record_cache_hit()
    metrics.add_token_usage({"prompt_tokens": 1})

    with measure() as meter:
        pass

    assert meter == metrics.Meter()
