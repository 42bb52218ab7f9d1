"""Proxies of the environment never get loopback traffic, and stay for other hosts."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Mapping
from unittest.mock import patch

import httpx
import pytest
from requests.utils import should_bypass_proxies

from trackproof.errors import TestbedError
from trackproof.proxies import bypass_for_loopback, bypass_variables
from trackproof.testbed.conductor.rest import http_client

DEAD = "http://127.0.0.1:9"
LOOPBACK_URLS = ("http://localhost:8080", "http://127.0.0.1:8080/x")
UNREADABLE = (
    "fd07:b51a:cc66:f0::/64",
    "[::1]",
    "[::1]:8080",
    "::1/128",
    "[fd00::]/8",
    "localhost:*",
)
"""Entries with which an httpx client cannot be constructed."""


def in_environment(environment: Mapping[str, str]) -> None:
    """Check what clients in a process with the bypass variables of `environment` do."""
    with patch.dict(os.environ, environment, clear=True):
        bypass_for_loopback()
        with httpx.Client() as client:
            for url in (*LOOPBACK_URLS, "http://[::1]:8080"):
                assert client._transport_for_url(httpx.URL(url)) is client._transport, url
        for url in LOOPBACK_URLS:
            assert urllib.request.proxy_bypass(url.split("/")[2])
            assert should_bypass_proxies(url, no_proxy=None)


@pytest.mark.parametrize("proxy", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("excluded", ["NO_PROXY", "no_proxy", "No_Proxy"])
@pytest.mark.parametrize("entry", ["", "*", "example.org, .corp  10.0.0.0/8", *UNREADABLE])
def test_loopback_traffic_bypasses_every_proxy(proxy: str, excluded: str, entry: str) -> None:
    in_environment({proxy: DEAD, excluded: entry})


@pytest.mark.parametrize(
    "address", ["127.0.0.1:9", "socks5://127.0.0.1:9", "socks5h://u:p@proxy:9"]
)
def test_every_form_of_a_proxy_is_bypassed(address: str) -> None:
    in_environment({"ALL_PROXY": address, "HTTP_PROXY": address, "HTTPS_PROXY": address})


def test_other_hosts_keep_their_proxy_and_their_exceptions() -> None:
    variables = bypass_variables({"HTTPS_PROXY": DEAD, "NO_PROXY": "a.org:80", "no_proxy": ".corp"})

    assert "HTTPS_PROXY" not in variables
    assert variables["NO_PROXY"] == variables["no_proxy"]
    assert variables["NO_PROXY"].split(",")[-2:] == ["a.org:80", ".corp"]


@pytest.mark.parametrize(
    ("entry", "kept"),
    [("[2001:db8::1]:443", "2001:db8::1"), ("fe80::1%eth0", "fe80::1"), ("2001:db8::/32", None)],
)
def test_ipv6_exceptions_get_a_form_that_every_client_reads(entry: str, kept: str | None) -> None:
    value = bypass_variables({"NO_PROXY": f"{entry},last.org"})["NO_PROXY"]

    assert value.split(",")[4:] == ([kept] if kept else []) + ["last.org"]


def test_an_environment_without_proxies_stays_unchanged() -> None:
    assert bypass_variables({"PATH": "/bin", "JAVA_TOOL_OPTIONS": "-Xmx1g"}) == {}


def test_a_java_fleet_with_its_own_exceptions_bypasses_loopback_too() -> None:
    options = "-Dhttp.proxyHost=proxy -Dhttp.nonProxyHosts=*.corp -DsocksNonProxyHosts='a|b'"

    variables = bypass_variables({"JAVA_TOOL_OPTIONS": options})

    assert variables == {
        "JAVA_TOOL_OPTIONS": "-Dhttp.proxyHost=proxy "
        "-Dhttp.nonProxyHosts=localhost|127.*|[::1]|*.corp "
        "-DsocksNonProxyHosts='localhost|127.*|[::1]|a|b'"
    }
    assert bypass_variables(variables) == {}


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/api", "http://conductor.localhost/api"])
@pytest.mark.parametrize("value", UNREADABLE)
def test_a_near_server_is_reached_whatever_the_environment_says(
    url: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", value)
    monkeypatch.setenv("HTTP_PROXY", "socks4://127.0.0.1:9")

    with http_client(url) as client:
        assert client.trust_env is False


def test_a_proxy_that_httpx_cannot_use_is_an_error_with_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks4://user:secret@127.0.0.1:9")

    with pytest.raises(TestbedError, match="proxy variables of the environment") as caught:
        http_client("https://conductor.example.org/api")

    assert "HTTP_PROXY" in caught.value.evidence
