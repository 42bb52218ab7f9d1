"""How a fleet's results are seen from outside: the transcript's row and the events.

Rows and stored events are looked up when they are asked for. Events that are only sent are
listened to from the moment that somebody is interested in a transcript.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import Any, Protocol
from urllib.parse import quote

import httpx
import redis
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tools.errors import FleetError, TestbedError
from tools.testbed import database
from tools.testbed.conductor.rest import http_client
from tools.testbed.fleet.profile import FleetProfile

ANSWER_SECONDS = 10.0
"""For a fleet's own server to answer."""

Event = tuple[str, Any]
Row = Mapping[str, Any]


class UnseenError(FleetError):
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
    if profile.events_redis:
        return RedisEvents(redis_url, profile.events_redis, profile.events_lag_ms / 1000)
    if profile.events_websocket:
        return WebSocketEvents(profile.events_websocket, profile.events_lag_ms / 1000)
    return None


def row_reader(profile: FleetProfile, database_url: str) -> Callable[[str], Row] | None:
    """Return what reads a transcript's row; None where it cannot be seen."""
    if profile.transcript_sql:

        def by_sql(transcript_id: str) -> Row:
            found = database.rows(database_url, profile.transcript_sql, transcript_id=transcript_id)
            return {name: parsed(value) for name, value in found[0].items()} if found else {}

        return by_sql
    if profile.transcript_url:
        return lambda transcript_id: _got(_for(profile.transcript_url, transcript_id))
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


class RedisEvents:
    """Events that the fleet publishes on a channel for each transcript."""

    def __init__(self, url: str, channel: str, lag: float) -> None:
        """Listen to all channels of that form.

        Args:
            url: Of the Redis.
            channel: With `{transcript_id}`.
            lag: Seconds that an event may be late.

        Raises:
            FleetError: There is no Redis there.
        """
        self._channel = channel
        self._lag = lag
        self._marks = f"trackproof:{uuid.uuid4().hex}"
        self._redis = redis.Redis.from_url(url, socket_timeout=ANSWER_SECONDS)
        self._listening = self._redis.pubsub()  # type: ignore[no-untyped-call]
        self._heard: list[tuple[str, str]] = []
        try:
            self._listening.psubscribe(channel.replace("{transcript_id}", "*"))
            self._listening.subscribe(self._marks)
            self._catch_up()
        except redis.RedisError as error:
            raise FleetError(
                "events cannot be listened to by Redis", evidence=str(error)
            ) from error

    def watch(self, transcript_id: str) -> None:
        """Every transcript is listened to from the start."""

    def events(self, transcript_id: str) -> list[Event]:
        """Return what has been published until now, oldest first."""
        time.sleep(self._lag)  # nothing tells that nothing more will come
        self._catch_up()
        mine = self._channel.replace("{transcript_id}", transcript_id)
        return [_event(text) for channel, text in self._heard if channel == mine]

    def close(self) -> None:
        """Listen no more."""
        self._listening.close()
        self._redis.close()

    def _catch_up(self) -> None:
        """Take down all that was published before this moment."""
        mark = uuid.uuid4().hex
        # Redis tells everybody everything in one order: what comes before the mark, came before.
        self._redis.publish(self._marks, mark)
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            message = self._listening.get_message(ignore_subscribe_messages=True, timeout=1.0)
            if message is None:
                continue
            text = message["data"].decode(errors="replace")
            if text == mark:
                return
            self._heard.append((message["channel"].decode(errors="replace"), text))
        raise FleetError("Redis does not tell what is published", hint="see events_redis")


class WebSocketEvents:
    """Events that the fleet sends to whoever listens to a transcript."""

    def __init__(self, url: str, lag: float) -> None:
        """Prepare.

        Args:
            url: With `{transcript_id}`.
            lag: Seconds that an event may be late.
        """
        self._url = url
        self._lag = lag
        self._lines: dict[str, _Line] = {}

    def watch(self, transcript_id: str) -> None:
        """Connect, if we are not.

        Raises:
            FleetError: Nobody answers there.
        """
        if transcript_id not in self._lines:
            self._lines[transcript_id] = _Line(_for(self._url, transcript_id))

    def events(self, transcript_id: str) -> list[Event]:
        """Return what has been sent until now, oldest first."""
        self.watch(transcript_id)
        return self._lines[transcript_id].events(self._lag)

    def close(self) -> None:
        """Listen no more."""
        for line in self._lines.values():
            line.close()


class _Line:
    """One connection, read when somebody asks."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._held = ExitStack()
        self._texts: list[str] = []
        try:
            self._socket: ClientConnection = self._held.enter_context(
                # Unread messages must not hold back the answer to a ping.
                connect(url, open_timeout=ANSWER_SECONDS, max_size=None, max_queue=None, proxy=None)
            )
        except (OSError, WebSocketException) as error:
            raise FleetError(
                f"events cannot be listened to at {url}",
                evidence=str(error),
                hint="see events_websocket",
            ) from error

    def events(self, lag: float) -> list[Event]:
        try:
            # What was sent before the answer to a ping has come before it.
            answered = self._socket.ping().wait(ANSWER_SECONDS)
            with suppress(TimeoutError):
                while True:  # until nothing has come for so long
                    message = self._socket.recv(timeout=lag)
                    self._texts.append(
                        message if isinstance(message, str) else message.decode(errors="replace")
                    )
        except WebSocketException as error:
            raise FleetError(
                f"the fleet has closed {self._url}", evidence=str(error), hint="it must stay open"
            ) from error
        if not answered:
            raise FleetError(f"no answer to a ping from {self._url} in {ANSWER_SECONDS:g} s")
        return [_event(text) for text in self._texts]

    def close(self) -> None:
        self._held.close()


def _event(text: str) -> Event:
    try:
        message = json.loads(text)
        return str(message["event"]), parsed(message.get("data"))
    except (ValueError, TypeError, LookupError, AttributeError):
        return "(unreadable)", text


def _for(template: str, transcript_id: str) -> str:
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
