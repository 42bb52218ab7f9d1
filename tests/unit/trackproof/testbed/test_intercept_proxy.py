"""The intercept proxy routes listed hosts to stand-ins and refuses all others."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from trackproof.testbed.intercept_proxy import InterceptProxy, start_intercept_proxy
from trackproof.testbed.stand_ins import Fault, StandIns

HOST = "api.daily.co"
VERSIONED = "daily.example"


@pytest.fixture(scope="module")
def stand_ins() -> StandIns:
    return StandIns()


@pytest.fixture(scope="module")
def proxy(
    stand_ins: StandIns, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InterceptProxy]:
    folder = tmp_path_factory.mktemp("proxy")
    with (
        stand_ins.serve() as served,
        start_intercept_proxy(
            {HOST: served.urls["webhook"], f"{VERSIONED}/v1": served.urls["webhook"]}, folder
        ) as proxy,
    ):
        yield proxy


@pytest.fixture
def client(proxy: InterceptProxy) -> Iterator[httpx.Client]:
    trust = ssl.create_default_context(cafile=str(proxy.ca_file))
    with httpx.Client(proxy=proxy.url, verify=trust, trust_env=False) as client:
        yield client


def test_listed_host_is_routed_to_its_stand_in(client: httpx.Client, stand_ins: StandIns) -> None:
    answer = client.post(f"https://{HOST}/a%2Fb?c=d", json={"text": "ש"}, headers={"x-mine": "1"})

    assert (answer.status_code, answer.json()) == (200, {})
    request = stand_ins.ledger.requests("webhook")[-1]
    assert (request.json, request.header("x-mine")) == ({"text": "ש"}, "1")
    assert request.query == {"c": "d"}


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/in", 200), ("/v1", 200), ("/v10/in", 421), ("/v2/in", 421)]
)
def test_path_prefix_of_a_host_is_stripped(
    path: str, status: int, client: httpx.Client, stand_ins: StandIns
) -> None:
    before = len(stand_ins.ledger.requests("webhook"))

    assert client.post(f"https://{VERSIONED}{path}", json={}).status_code == status

    paths = [one.path for one in stand_ins.ledger.requests("webhook")[before:]]
    assert paths == ([path.removeprefix("/v1") or "/"] if status == 200 else [])


def test_faults_of_the_stand_in_reach_the_client(client: httpx.Client, stand_ins: StandIns) -> None:
    stand_ins.faults.add(
        Fault(service="webhook", status=503, headers={"Retry-After": "7"}, times=1)
    )

    answer = client.post(f"https://{HOST}/x", json={})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


def test_dropped_connection_reaches_the_client(client: httpx.Client, stand_ins: StandIns) -> None:
    stand_ins.faults.add(Fault(service="webhook", drop=True, times=1))

    with pytest.raises(httpx.TransportError):
        client.post(f"https://{HOST}/x", json={})


def test_unlisted_host_is_refused_and_recorded(client: httpx.Client, proxy: InterceptProxy) -> None:
    with pytest.raises(httpx.ProxyError, match="403"):
        client.get("https://api.example.com/")

    assert "api.example.com" in proxy.refused


def test_plain_http_request_is_refused(proxy: InterceptProxy) -> None:
    with httpx.Client(proxy=proxy.url, trust_env=False) as client:
        assert client.get("http://api.daily.co/").status_code == 405


def test_client_without_the_ca_rejects_the_certificate(proxy: InterceptProxy) -> None:
    with (
        httpx.Client(proxy=proxy.url, trust_env=False) as client,
        pytest.raises(httpx.ConnectError, match="certificate"),
    ):
        client.get(f"https://{HOST}/")


def test_key_file_is_private_and_the_port_is_closed_afterwards(tmp_path: Path) -> None:
    with start_intercept_proxy({HOST: "http://127.0.0.1:1"}, tmp_path) as proxy:
        assert (tmp_path / "proxy-certificate.pem").stat().st_mode & 0o077 == 0

    with (
        httpx.Client(proxy=proxy.url, trust_env=False) as client,
        pytest.raises(httpx.ConnectError),
    ):
        client.get(f"https://{HOST}/")
