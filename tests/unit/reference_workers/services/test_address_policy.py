"""Webhook URLs reach public addresses only, and the checked address is the one that is used."""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

from reference_workers import tls
from reference_workers.errors import PermanentError
from reference_workers.services import address_policy
from reference_workers.services.webhook import Webhook
from reference_workers.settings import Settings

ANSWER = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


class Receiver:
    """Answers every connection with 204 and stores the requests."""

    def __init__(self, listener: socket.socket) -> None:
        self.port: int = listener.getsockname()[1]
        self.requests: list[bytes] = []
        self._listener = listener

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, suppress(OSError):
                    self.requests.append(whole_request(connection))
                    connection.sendall(ANSWER)


def whole_request(connection: socket.socket) -> bytes:
    """Read a request to its end: an answer before it may be lost with the connection."""
    request = b""
    while chunk := connection.recv(65_536):
        request += chunk
        head, end, body = request.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if end and len(body) >= (int(length[1]) if length else 0):
            break
    return request


@contextmanager
def receiving() -> Iterator[Receiver]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        receiver = Receiver(listener)
        thread = threading.Thread(target=receiver.serve, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


class Names:
    """A resolver with the given names; each lookup takes the next answer."""

    def __init__(self, answers: Mapping[str, list[list[str]]]) -> None:
        self.answers = {name: list(each) for name, each in answers.items()}
        self.lookups: list[str] = []

    def __call__(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        if host not in self.answers:
            return RESOLVE(host, port, type=socket.SOCK_STREAM)
        self.lookups.append(host)
        each = self.answers[host]
        found = each.pop(0) if len(each) > 1 else each[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]


RESOLVE = socket.getaddrinfo


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    resolver = Names({})
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    return resolver


def send(url: str, **settings: Any) -> int:
    webhook = Webhook(Settings(outside_timeout_seconds=2, **settings))
    try:
        response = webhook.send(url, b"{}", event="e", retry=0, timestamp=1, secret="secret")
    finally:
        webhook.close()
    return response.status_code


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "0.0.0.0"),
        *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]"),
    ],
)
def test_loopback_in_every_notation_is_refused(host: str) -> None:
    with receiving() as receiver:
        with pytest.raises(PermanentError, match=r"webhook: .*(not public|invalid URL)"):
            send(f"http://{host}:{receiver.port}/hook")
        assert receiver.requests == []


@pytest.mark.parametrize(
    "address",
    [
        *("0.1.2.3", "10.0.0.1", "100.64.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1"),
        *("192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
        *("224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1"),
        *("::ffff:10.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "2002:a00:1::"),
        *("64:ff9b::a00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "fc00::1"),
        *("fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "ff0e::1"),
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not address_policy.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "64:ff9b::101:101"]
)
def test_public_addresses(address: str) -> None:
    assert address_policy.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        *(
            "file:///etc/passwd",
            "ftp://hooks.test/x",
            "gopher://hooks.test/",
            "javascript:alert(1)",
        ),
        *(
            "//hooks.test/x",
            "http:///x",
            "https://user:password@hooks.test/",
            "http://a@hooks.test",
        ),
        *("unix:///run/docker.sock", "http://[::1", "hooks.test/x", ""),
    ],
)
def test_a_url_of_another_form_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(PermanentError, match="webhook: invalid URL") as caught:
        send(url)

    assert "password" not in str(caught.value).removeprefix("webhook: invalid URL")


def test_one_private_address_among_public_ones_refuses_the_name(names: Names) -> None:
    names.answers["hooks.test"] = [["93.184.216.34", "10.0.0.7"]]

    with pytest.raises(PermanentError, match=r"hooks\.test has the address 10\.0\.0\.7"):
        send("https://hooks.test/x")


def test_a_name_is_resolved_once_and_the_checked_address_is_used(names: Names) -> None:
    # The second answer is the rebinding: whoever resolves again connects to it.
    names.answers["hooks.test"] = [["127.0.0.1"], ["169.254.169.254"]]
    with receiving() as receiver:
        url = f"http://hooks.test:{receiver.port}/x"
        assert send(url, webhook_allowed_networks="127.0.0.0/8") == 204

    assert names.lookups == ["hooks.test"]
    assert f"host: hooks.test:{receiver.port}".encode() in receiver.requests[0].lower()


def test_a_name_that_changes_to_a_private_address_is_refused(names: Names) -> None:
    names.answers["hooks.test"] = [["127.0.0.1"], ["169.254.169.254"]]
    with receiving() as receiver:
        url = f"http://hooks.test:{receiver.port}/x"
        assert send(url, webhook_allowed_networks="127.0.0.0/8") == 204
        with pytest.raises(PermanentError, match=r"169\.254\.169\.254"):
            send(url, webhook_allowed_networks="127.0.0.0/8")


def test_a_listed_host_may_have_any_address(names: Names) -> None:
    names.answers["hooks.internal"] = [["127.0.0.1"]]
    with receiving() as receiver:
        allowed = "other.internal, Hooks.Internal"
        assert send(f"http://hooks.internal:{receiver.port}/", webhook_allowed_hosts=allowed) == 204
        with pytest.raises(PermanentError, match="not public"):
            send(f"http://127.0.0.1:{receiver.port}/", webhook_allowed_hosts=allowed)


def test_the_next_address_is_used_when_the_first_refuses(names: Names) -> None:
    names.answers["hooks.test"] = [["127.0.0.9", "127.0.0.1"]]
    with receiving() as receiver:
        url = f"http://hooks.test:{receiver.port}/x"
        assert send(url, webhook_allowed_networks="127.0.0.0/8") == 204


def test_tls_verifies_the_name_although_the_address_is_pinned(
    names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(authority.cert_pem.bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    tls.context.cache_clear()
    names.answers["hooks.test"] = names.answers["other.test"] = [["127.0.0.1"]]
    seen: list[str | None] = []
    server_side = tls.context().__class__(tls.context().protocol.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hooks.test").configure_cert(server_side)
    server_side.sni_callback = lambda _socket, name, _context: seen.append(name)
    try:
        with socket.create_server(("127.0.0.1", 0)) as plain:
            receiver = Receiver(server_side.wrap_socket(plain, server_side=True))
            threading.Thread(target=receiver.serve, daemon=True).start()
            url = f"https://hooks.test:{receiver.port}/x"
            assert send(url, webhook_allowed_networks="127.0.0.0/8") == 204
    finally:
        tls.context.cache_clear()
    assert seen == ["hooks.test"]


def test_a_proxied_url_is_checked_too(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    names.answers["hooks.test"] = [["10.0.0.7"]]
    with receiving() as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(PermanentError, match="not public"):
            send("http://hooks.test/x")
        assert proxy.requests == []
