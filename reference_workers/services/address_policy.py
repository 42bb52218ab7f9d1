"""Which addresses a URL that a user chose may reach: by default public ones only.

The policy resolves a name once, checks every address and connects to a checked one, so that a name
whose answer changes (DNS rebinding) gains nothing. TLS and the Host header keep the name.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from reference_workers.errors import PermanentError
from reference_workers.services.deadlines import NetworkBackend

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NEVER_PUBLIC: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15"),
        *("240.0.0.0/4", "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "fec0::/10"),
    )
)
"""Ranges on whose meaning the versions of Python's `is_global` differ."""

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class ForbiddenAddressError(PermanentError):
    """The policy refuses the URL."""


class AddressPolicy:
    """Allows public addresses, and the hosts and networks that a deployment lists."""

    def __init__(self, hosts: Iterable[str] = (), networks: Sequence[Network] = ()) -> None:
        """`hosts` may have any address; so may any host in `networks`."""
        self._hosts = frozenset(_host_name(host) for host in hosts)
        self._networks = tuple(networks)

    def check_url(self, url: str) -> None:
        """Check all of a URL that can be checked without DNS.

        Raises:
            ForbiddenAddressError: The URL is invalid, or the policy refuses it.
        """
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, ValueError):
            raise ForbiddenAddressError("invalid URL") from None
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise ForbiddenAddressError("invalid URL: only http:// and https:// with a host")
        if parsed.userinfo:
            raise ForbiddenAddressError(f"invalid URL: {parsed.host} is preceded by a user name")
        if _uses_proxy(parsed):  # the proxy resolves the name: this check cannot pin the address
            self._check_proxied(parsed)

    def _check_proxied(self, url: httpx.URL) -> None:
        try:
            self.resolve(url.host, url.port or 80)
        except httpcore.ConnectError:
            return  # only the proxy knows the name

    def resolve(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, all of which are allowed.

        Raises:
            ForbiddenAddressError: One of them is not allowed.
            httpcore.ConnectError: The name cannot be resolved.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host}: {error}") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if _host_name(host) not in self._hosts:
            for address in addresses:
                self._check_address(host, address)
        return addresses

    def _check_address(self, host: str, text: str) -> None:
        address = ipaddress.ip_address(text)
        candidates = {address, innermost(address)}
        if any(one in network for one in candidates for network in self._networks):
            return
        if not is_public(address):
            raise ForbiddenAddressError(
                f"{host[:253]} has the address {address}, which is not public. Hint: a deployment "
                "allows own receivers with WEBHOOK_ALLOWED_HOSTS or WEBHOOK_ALLOWED_NETWORKS"
            )


class PolicyBackend(NetworkBackend):
    """Connects only to addresses that a policy allows."""

    def __init__(self, policy: AddressPolicy) -> None:
        """Check each connection with `policy`."""
        super().__init__()
        self._policy = policy

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first checked address that accepts."""
        addresses = self._policy.resolve(host, port)
        share = timeout and timeout / len(addresses)
        for address in addresses[:-1]:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return super().connect_tcp(address, port, share, local_address, socket_options)
        return super().connect_tcp(addresses[-1], port, share, local_address, socket_options)


def is_public(address: Address) -> bool:
    """Return whether an address, and the IPv4 address inside it, is a public unicast address."""
    inner = innermost(address)
    return (
        inner.is_global
        and not (inner.is_multicast or inner.is_reserved or inner.is_unspecified)
        and not any(inner in network for network in _NEVER_PUBLIC)
    )


def innermost(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 one (mapped, 6to4, NAT64), or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inside = address.ipv4_mapped or address.sixtofour
    if inside is None and address in _NAT64:
        inside = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return inside or address


def _host_name(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").lower()


def _uses_proxy(url: httpx.URL) -> bool:
    proxies = getproxies()
    return bool((url.scheme in proxies or "all" in proxies) and not proxy_bypass(url.host))
