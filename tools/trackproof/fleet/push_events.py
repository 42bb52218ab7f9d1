"""Events that a fleet pushes without storing them: over Redis or a WebSocket."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import ExitStack, suppress

import redis
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from trackproof.errors import FleetError
from trackproof.fleet.events import Event
from trackproof.fleet.rows import RESPONSE_SECONDS, parse_column
from trackproof.fleet.variables import transcript_url


class RedisEvents:
    """Events that the fleet publishes on one Redis channel per transcript."""

    def __init__(self, url: str, channel: str, lag: float) -> None:
        """Subscribe to the channels of all transcripts.

        Args:
            url: URL of the Redis server.
            channel: Name of a channel, with `{transcript_id}`.
            lag: Seconds that an event may arrive late.

        Raises:
            FleetError: Redis cannot be reached.
        """
        self._channel = channel
        self._lag = lag
        self._marker_channel = f"trackproof:{uuid.uuid4().hex}"
        self._redis = redis.Redis.from_url(url, socket_timeout=RESPONSE_SECONDS)
        self._subscription = self._redis.pubsub()  # type: ignore[no-untyped-call]
        self._messages: list[tuple[str, str]] = []
        try:
            self._subscription.psubscribe(channel.replace("{transcript_id}", "*"))
            self._subscription.subscribe(self._marker_channel)
            self._receive_pending()
        except redis.RedisError as error:
            raise FleetError(
                "the fleet's events cannot be read from Redis", evidence=str(error)
            ) from error

    def watch(self, transcript_id: str) -> None:
        """Do nothing: the subscription covers every transcript from the start."""

    def events(self, transcript_id: str) -> list[Event]:
        """Return the events published so far, oldest first."""
        time.sleep(self._lag)  # no message marks the last event
        self._receive_pending()
        channel = self._channel.replace("{transcript_id}", transcript_id)
        return [_parse(text) for name, text in self._messages if name == channel]

    def close(self) -> None:
        """Close the connections."""
        self._subscription.close()
        self._redis.close()

    def _receive_pending(self) -> None:
        """Receive every message published before this call."""
        marker = uuid.uuid4().hex
        # Redis delivers to all subscribers in one order, so earlier messages precede the marker.
        self._redis.publish(self._marker_channel, marker)
        deadline = time.monotonic() + RESPONSE_SECONDS
        while time.monotonic() < deadline:
            message = self._subscription.get_message(ignore_subscribe_messages=True, timeout=1.0)
            if message is None:
                continue
            text = message["data"].decode(errors="replace")
            if text == marker:
                return
            self._messages.append((message["channel"].decode(errors="replace"), text))
        raise FleetError("Redis did not deliver a published message", hint="check events_redis")


class WebSocketEvents:
    """Events that the fleet sends over one WebSocket per transcript."""

    def __init__(self, url: str, lag: float) -> None:
        """Configure the source; `watch` connects.

        Args:
            url: URL of a WebSocket, with `{transcript_id}`.
            lag: Seconds that an event may arrive late.
        """
        self._url = url
        self._lag = lag
        self._connections: dict[str, _Connection] = {}

    def watch(self, transcript_id: str) -> None:
        """Connect to the transcript's WebSocket.

        Raises:
            FleetError: The WebSocket cannot be opened.
        """
        if transcript_id not in self._connections:
            self._connections[transcript_id] = _Connection(transcript_url(self._url, transcript_id))

    def events(self, transcript_id: str) -> list[Event]:
        """Return the events sent so far, oldest first."""
        self.watch(transcript_id)
        return self._connections[transcript_id].events(self._lag)

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.close()


class _Connection:
    """One WebSocket, read on demand."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stack = ExitStack()
        self._texts: list[str] = []
        try:
            self._socket: ClientConnection = self._stack.enter_context(
                # No queue limit: unread messages must not delay the answer to a ping.
                connect(
                    url, open_timeout=RESPONSE_SECONDS, max_size=None, max_queue=None, proxy=None
                )
            )
        except (OSError, WebSocketException) as error:
            raise FleetError(
                f"the fleet's events cannot be read from {url}",
                evidence=str(error),
                hint="check events_websocket",
            ) from error

    def events(self, lag: float) -> list[Event]:
        try:
            # Messages sent before the pong arrive before it.
            has_pong = self._socket.ping().wait(RESPONSE_SECONDS)
            with suppress(TimeoutError):
                while True:  # until no message arrives for `lag` seconds
                    message = self._socket.recv(timeout=lag)
                    self._texts.append(
                        message if isinstance(message, str) else message.decode(errors="replace")
                    )
        except WebSocketException as error:
            raise FleetError(
                f"the fleet closed {self._url}",
                evidence=str(error),
                hint="events_websocket must stay open",
            ) from error
        if not has_pong:
            raise FleetError(f"no answer to a ping from {self._url} in {RESPONSE_SECONDS:g} s")
        return [_parse(text) for text in self._texts]

    def close(self) -> None:
        self._stack.close()


def _parse(text: str) -> Event:
    try:
        message = json.loads(text)
        return str(message["event"]), parse_column(message.get("data"))
    except (ValueError, TypeError, LookupError, AttributeError):
        return "(unreadable)", text
