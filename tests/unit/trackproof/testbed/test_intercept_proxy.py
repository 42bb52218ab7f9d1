"""Hosts that are written into a fleet are led to the testbed; all others, nowhere."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
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


def test_a_listed_host_is_the_stand_in(client: httpx.Client, stand_ins: StandIns) -> None:
    answer = client.post(f"https://{HOST}/a%2Fb?c=d", json={"said": "ש"}, headers={"x-mine": "1"})

    assert (answer.status_code, answer.json()) == (200, {})
    asked = stand_ins.ledger.requests("webhook")[-1]
    assert (asked.json, asked.header("x-mine")) == ({"said": "ש"}, "1")
    assert asked.query == {"c": "d"}


@pytest.mark.parametrize(
    ("path", "answer"), [("/v1/in", 200), ("/v1", 200), ("/v10/in", 421), ("/v2/in", 421)]
)
def test_paths_may_begin_with_what_the_stand_in_has_not(
    path: str, answer: int, client: httpx.Client, stand_ins: StandIns
) -> None:
    asked = len(stand_ins.ledger.requests("webhook"))

    assert client.post(f"https://{VERSIONED}{path}", json={}).status_code == answer

    found = [one.path for one in stand_ins.ledger.requests("webhook")[asked:]]
    assert found == ([path.removeprefix("/v1") or "/"] if answer == 200 else [])


def test_the_stand_ins_faults_come_through(client: httpx.Client, stand_ins: StandIns) -> None:
    stand_ins.faults.add(
        Fault(service="webhook", status=503, headers={"Retry-After": "7"}, times=1)
    )

    answer = client.post(f"https://{HOST}/x", json={})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


def test_a_dropped_connection_is_dropped(client: httpx.Client, stand_ins: StandIns) -> None:
    stand_ins.faults.add(Fault(service="webhook", drop=True, times=1))

    with pytest.raises(httpx.TransportError):
        client.post(f"https://{HOST}/x", json={})


def test_another_host_is_refused_and_remembered(
    client: httpx.Client, proxy: InterceptProxy
) -> None:
    with pytest.raises(httpx.ProxyError, match="403"):
        client.get("https://api.example.com/")

    assert "api.example.com" in proxy.refused


def test_what_is_no_connect_is_refused(proxy: InterceptProxy) -> None:
    with httpx.Client(proxy=proxy.url, trust_env=False) as client:
        assert client.get("http://api.daily.co/").status_code == 405


def test_nobody_else_trusts_it(proxy: InterceptProxy) -> None:
    with (
        httpx.Client(proxy=proxy.url, trust_env=False) as client,
        pytest.raises(httpx.ConnectError, match="certificate"),
    ):
        client.get(f"https://{HOST}/")


def test_a_process_that_is_told_by_its_environment_goes_through_it(proxy: InterceptProxy) -> None:
    asks = (
        "import json, urllib.request as u;"
        f"a = u.urlopen(u.Request('https://{HOST}/in', data=b'{{}}'));"
        "print(json.dumps([a.status, a.read().decode()]))"
    )

    told = subprocess.run(
        [sys.executable, "-c", asks],
        env=proxy.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert json.loads(told.stdout) == [200, "{}"]


def test_nothing_listens_afterwards_and_the_key_is_nobody_elses(tmp_path: Path) -> None:
    with start_intercept_proxy({HOST: "http://127.0.0.1:1"}, tmp_path) as proxy:
        assert (tmp_path / "proxy-certificate.pem").stat().st_mode & 0o077 == 0

    with (
        httpx.Client(proxy=proxy.url, trust_env=False) as client,
        pytest.raises(httpx.ConnectError),
    ):
        client.get(f"https://{HOST}/")
