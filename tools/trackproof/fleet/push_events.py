"""Events that a fleet only sends: listened to as soon as somebody is interested in a transcript."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import ExitStack, suppress

import redis
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from trackproof.errors import FleetError
from trackproof.fleet.events import ANSWER_SECONDS, Event, about, parsed


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
            self._lines[transcript_id] = _Line(about(self._url, transcript_id))

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
