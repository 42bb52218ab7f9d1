"""Proxy variables of the environment: loopback traffic bypasses every proxy.

Clients disagree on the forms of NO_PROXY. httpx cannot be constructed with `[::1]` or an IPv6
network in it; Python's urllib needs the whole value to be `*`; libav reads the lower-case name
only. Go and Java bypass loopback by themselves, Java unless `nonProxyHosts` says otherwise.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping
from typing import Final

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1", "127.0.0.0/8")
"""Entries of NO_PROXY that every client either understands or ignores."""
JAVA_LOOPBACK: Final = "localhost|127.*|[::1]"
JAVA_VARIABLES: Final = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")

_NON_PROXY_HOSTS = re.compile(r"""(-D\w+\.?[nN]onProxyHosts=["']?)""")
_PLAIN = re.compile(r"[\w.-]+(:\d+)?", re.ASCII)
_BRACKETED = re.compile(r"\[([^\]]*)\](:.*)?")


def bypass_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that let loopback traffic bypass the proxies of `environment`.

    Proxies for other hosts stay. Entries that httpx cannot read are rewritten (`[::1]`) or left
    out (IPv6 networks). Empty if the environment has no proxy variable.
    """
    variables = {
        name: _NON_PROXY_HOSTS.sub(rf"\g<1>{JAVA_LOOPBACK}|", environment[name])
        for name in JAVA_VARIABLES
        if _NON_PROXY_HOSTS.search(environment.get(name, ""))
        and JAVA_LOOPBACK not in environment[name]
    }
    if not proxy_variables(environment):
        return variables
    entries = dict.fromkeys(LOOPBACK)
    for name, value in environment.items():
        if name.lower() == "no_proxy":
            entries |= dict.fromkeys(_readable(value))
    value = "*" if "*" in entries else ",".join(entries)
    return {**variables, "NO_PROXY": value, "no_proxy": value}


def proxy_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that clients take proxies from: `*_proxy` in either case."""
    return {
        name: value
        for name, value in environment.items()
        if name.lower().endswith("_proxy") and value
    }


def bypass_for_loopback() -> None:
    """Change this process' environment, for clients of libraries and for its children."""
    os.environ.update(bypass_variables(os.environ))


def _readable(value: str) -> Iterator[str]:
    """Yield the entries of a NO_PROXY in forms that every client can read."""
    for entry in filter(None, re.split(r"[,\s]+", value)):
        bracketed = _BRACKETED.fullmatch(entry)
        address = _ipv6(bracketed[1] if bracketed else entry)
        if address:
            yield address
        elif not bracketed and (_PLAIN.fullmatch(entry) or _is_readable_by_httpx(entry)):
            yield entry


def _ipv6(text: str) -> str:
    try:
        return str(ipaddress.IPv6Address(text.partition("%")[0]))
    except ValueError:
        return ""


def _is_readable_by_httpx(entry: str) -> bool:
    if entry == "*":
        return True
    import httpx  # noqa: PLC0415 - slow import, rarely used

    try:
        httpx.URL(entry if "://" in entry else f"all://*{entry}")
    except httpx.InvalidURL:
        return False
    return True
