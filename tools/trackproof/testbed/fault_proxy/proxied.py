"""Fault proxies in front of every server that a fleet connects to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import make_url

from trackproof.testbed.database import database_variables
from trackproof.testbed.fault_proxy.proxy import FaultProxy

URLS: Final[Mapping[str, str]] = {
    "conductor": "conductor.api_url",
    "s3": "s3.endpoint",
    "daily": "daily.url",
    "modal": "modal.url",
    "llm": "llm.url",
    "zulip": "zulip.url",
    "webhook": "webhook.url",
}
"""Variable with the URL of each server that speaks HTTP."""

DATABASE: Final = "database"
REDIS: Final = "redis"

Proxies = Mapping[str, FaultProxy]


@contextmanager
def start_proxies(variables: Mapping[str, str]) -> Iterator[tuple[dict[str, str], Proxies]]:
    """Start a proxy in front of each server and yield the variables that lead through them.

    SQLite is a file and gets none.

    Args:
        variables: The variables of a fleet's profile, with the servers' own addresses.

    Yields:
        The changed variables, and the proxies by the name of their server.

    Raises:
        TestbedError: A proxy cannot listen.
    """
    changed: dict[str, str] = {}
    proxies: dict[str, FaultProxy] = {}
    with ExitStack() as stack:

        def proxied(name: str, host: str | None, port: int | None) -> int:
            proxy = stack.enter_context(FaultProxy(host or "127.0.0.1", port or 80, name=name))
            proxy.start()
            proxies[name] = proxy
            return proxy.port

        for name, variable in URLS.items():
            url = urlsplit(variables[variable])
            if url.scheme == "http":
                netloc = f"127.0.0.1:{proxied(name, url.hostname, url.port)}"
                changed[variable] = urlunsplit(url._replace(netloc=netloc))
        database = make_url(variables["database.url"])
        if database.get_backend_name() == "postgresql" and database.host:
            port = proxied(DATABASE, database.host, database.port or 5432)
            own = database.set(host="127.0.0.1", port=port)
            changed |= database_variables(own.render_as_string(hide_password=False))
        if redis_port := variables.get("redis.port"):
            port = proxied(REDIS, variables["redis.host"], int(redis_port))
            changed |= {
                "redis.url": f"redis://127.0.0.1:{port}/0",
                "redis.host": "127.0.0.1",
                "redis.port": str(port),
            }
        yield changed, proxies
