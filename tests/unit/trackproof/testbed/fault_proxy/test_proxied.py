"""A fleet's variables lead through fault proxies, one for each server."""

from __future__ import annotations

import pytest
from sqlalchemy import make_url

from trackproof.testbed.database import database_variables
from trackproof.testbed.fault_proxy.proxied import URLS, start_proxies

POSTGRES = "postgresql+psycopg://user:p%40ss@127.0.0.1:5433/meetings"


def variables(database_url: str) -> dict[str, str]:
    return {
        **{
            variable: f"http://127.0.0.1:80{n}/{name}"
            for n, (name, variable) in enumerate(URLS.items())
        },
        **database_variables(database_url),
    }


def test_every_url_keeps_its_path_behind_a_port_of_its_own() -> None:
    own = variables("sqlite:///fleet.db")
    with start_proxies(own) as (changed, proxies):
        for name, variable in URLS.items():
            assert changed[variable] == f"http://127.0.0.1:{proxies[name].port}/{name}"
        assert len({proxy.port for proxy in proxies.values()}) == len(URLS)
        assert not {*proxies} - {*URLS}, "SQLite is a file"


def test_postgresql_keeps_its_credentials_and_name() -> None:
    with start_proxies(variables(POSTGRES)) as (changed, proxies):
        url = make_url(changed["database.url"])
        assert (url.username, url.password, url.database) == ("user", "p@ss", "meetings")
        assert changed["database.port"] == str(url.port) == str(proxies["database"].port)
        assert f":{url.port}/" in changed["database.libpq"]


def test_redis_and_a_server_over_https() -> None:
    own = variables(POSTGRES) | {
        "redis.host": "127.0.0.1",
        "redis.port": "6379",
        "llm.url": "https://llm.example/v1",
    }
    with start_proxies(own) as (changed, proxies):
        assert changed["redis.url"] == f"redis://127.0.0.1:{proxies['redis'].port}/0"
        assert "llm.url" not in changed, "bytes of TLS cannot be read, and its name would not match"
        assert "llm" not in proxies


@pytest.mark.parametrize("name", ["s3", "database"])
def test_proxies_are_named_after_their_server(name: str) -> None:
    with start_proxies(variables(POSTGRES)) as (_, proxies):
        assert proxies[name].name == name
