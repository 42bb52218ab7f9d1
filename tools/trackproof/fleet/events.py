"""How a fleet's results are seen from outside: the transcript's row and the events.

Rows and stored events are looked up when they are asked for; `listening` hears events that are
only sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from trackproof.errors import FleetError, TestbedError
from trackproof.fleet.profile import FleetProfile
from trackproof.testbed import database
from trackproof.testbed.conductor.rest import http_client

ANSWER_SECONDS = 10.0
"""For a fleet's own server to answer."""

Event = tuple[str, Any]
Row = Mapping[str, Any]


class UnavailableError(FleetError):
    """The fleet's profile does not say how this can be seen."""


class EventSource(Protocol):
    """Where events come from."""

    def watch(self, transcript_id: str) -> None:
        """Miss nothing of this transcript from now on."""

    def events(self, transcript_id: str) -> list[Event]:
        """Return what has been told of it, oldest first."""

    def close(self) -> None:
        """Listen no more."""


def event_source(profile: FleetProfile, database_url: str, redis_url: str) -> EventSource | None:
    """Return what the profile names; None where events cannot be seen."""
    if profile.events_sql:
        return SqlEvents(database_url, profile.events_sql)
    if not (profile.events_redis or profile.events_websocket):
        return None
    # Its clients take half a second to load, and most fleets store their events.
    from trackproof.fleet.push_events import RedisEvents, WebSocketEvents  # noqa: PLC0415

    if profile.events_redis:
        return RedisEvents(redis_url, profile.events_redis, profile.events_lag_ms / 1000)
    return WebSocketEvents(profile.events_websocket, profile.events_lag_ms / 1000)


def row_reader(profile: FleetProfile, database_url: str) -> Callable[[str], Row] | None:
    """Return what reads a transcript's row; None where it cannot be seen."""
    if profile.transcript_sql:

        def by_sql(transcript_id: str) -> Row:
            found = database.rows(database_url, profile.transcript_sql, transcript_id=transcript_id)
            return {name: parsed(value) for name, value in found[0].items()} if found else {}

        return by_sql
    if profile.transcript_url:
        return lambda transcript_id: _got(about(profile.transcript_url, transcript_id))
    return None


def parsed(value: Any) -> Any:
    """Return the JSON in a text column; SQLite has no type of its own for it."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


class SqlEvents:
    """Events that the fleet stores."""

    def __init__(self, database_url: str, sql: str) -> None:
        """Read them with this query."""
        self._database_url = database_url
        self._sql = sql

    def watch(self, transcript_id: str) -> None:
        """What is stored is there whenever it is asked for."""

    def events(self, transcript_id: str) -> list[Event]:
        """Return what has been told, oldest first."""
        found = database.rows(self._database_url, self._sql, transcript_id=transcript_id)
        return [(row["event"], parsed(row["data"])) for row in found]

    def close(self) -> None:
        """Nothing is held open."""


def about(template: str, transcript_id: str) -> str:
    """Return the URL of a transcript."""
    return template.replace("{transcript_id}", quote(transcript_id, safe=""))


def _got(url: str) -> Row:
    try:
        with http_client(url, timeout=ANSWER_SECONDS) as client:
            answer = client.get(url)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return {}
        found = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise TestbedError(
            f"the transcript's row cannot be had from {url}",
            evidence=str(error),
            hint="it must answer a JSON object, or 404 (see transcript_url)",
        ) from error
    return found if isinstance(found, dict) else {}
