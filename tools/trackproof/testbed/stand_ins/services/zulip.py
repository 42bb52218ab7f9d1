"""Stand-in of Zulip's message API, with a message store that tests can read."""

from __future__ import annotations

import json
import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from trackproof.testbed.stand_ins.credentials import has_basic_auth

MAX_CONTENT = 10_000
MAX_TOPIC = 60
"""Zulip's limits of a message and a topic, in characters."""

FIRST_ID = 481_000_001
"""Ids of a busy server have nine digits."""

LARGEST_ID = 10_000_000_000_000_000
"""Zulip's anchor behind the newest message."""

TRUNCATED = "\n[message truncated]"


@dataclass(frozen=True)
class ZulipMessage:
    """A message in a stream, with its earlier versions."""

    id: int
    stream: str
    topic: str
    content: str
    posted_at: float
    """Epoch seconds."""
    earlier: tuple[tuple[str, str], ...] = ()
    """Topic and content before each edit, oldest first."""


class ZulipStandIn:
    """An ASGI app with one message store."""

    def __init__(
        self,
        email: str,
        key: str,
        *,
        first_id: int = FIRST_ID,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Accept the bot's `email` and `key`; count message ids from `first_id`."""
        self._email = email
        self._key = key
        self._next_id = first_id
        self._clock = clock
        self._lock = threading.Lock()
        self._messages: dict[int, ZulipMessage] = {}
        self._app = Starlette(
            routes=[
                Route("/api/v1/messages", self._post, methods=["POST"]),
                Route("/api/v1/messages", self._search, methods=["GET"]),
                Route("/api/v1/messages/{id:int}", self._show, methods=["GET"]),
                Route("/api/v1/messages/{id:int}", self._edit, methods=["PATCH"]),
                Route("/api/v1/messages/{id:int}", self._delete, methods=["DELETE"]),
            ]
        )

    def messages(
        self, *, stream: str | None = None, topic: str | None = None
    ) -> list[ZulipMessage]:
        """Return the existing messages, oldest first."""
        with self._lock:
            return [
                message
                for message in self._messages.values()
                if stream in (None, message.stream) and topic in (None, message.topic)
            ]

    def message(self, message_id: int) -> ZulipMessage | None:
        """Return one message, or None if it does not exist."""
        with self._lock:
            return self._messages.get(message_id)

    def delete(self, message_id: int) -> None:
        """Delete a message, as a person in Zulip would.

        Raises:
            KeyError: The message does not exist.
        """
        with self._lock:
            del self._messages[message_id]

    def rename_topic(self, message_id: int, topic: str) -> None:
        """Move a message to a topic, as a person in Zulip would.

        Raises:
            KeyError: The message does not exist.
        """
        with self._lock:
            self._messages[message_id] = replace(self._messages[message_id], topic=topic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app(scope, receive, send)

    async def _post(self, request: Request) -> JSONResponse:
        if not has_basic_auth(request, self._email, self._key):
            return _refused()
        form = await _form(request)
        for name in ("type", "to", "content"):
            if not form.get(name):
                return _missing(name)
        if form["type"] not in {"stream", "channel"}:
            return _error("Invalid type", "BAD_REQUEST")
        with self._lock:
            message = ZulipMessage(
                id=self._next_id,
                stream=form["to"],
                topic=_cut(form.get("topic") or "(no topic)", MAX_TOPIC, "..."),
                content=_cut(form["content"], MAX_CONTENT, TRUNCATED),
                posted_at=self._clock(),
            )
            self._next_id += 1
            self._messages[message.id] = message
        return _success(id=message.id)

    async def _search(self, request: Request) -> JSONResponse:
        if not has_basic_auth(request, self._email, self._key):
            return _refused()
        query = request.query_params
        try:
            number = {name: int(query[name]) for name in ("num_before", "num_after")}
            matches = parse_narrow(query.get("narrow") or "[]", self._email)
        except KeyError as error:
            return _missing(error.args[0])
        except ValueError as error:
            return _error(str(error), "BAD_REQUEST")
        found = [message for message in self.messages() if matches(message)]
        anchor = query.get("anchor", "newest")
        ids = [message.id for message in found]
        at = {"newest": LARGEST_ID, "oldest": 0}.get(anchor, int(anchor) if anchor.isdigit() else 0)
        before = bisect_left(ids, at)
        first = max(0, before - number["num_before"])
        last = before + number["num_after"] + (before < len(ids) and ids[before] == at)
        return _success(
            anchor=at,
            found_anchor=at in ids,
            found_newest=last >= len(ids),
            found_oldest=first == 0,
            history_limited=False,
            messages=[self._shown(message) for message in found[first:last]],
        )

    async def _edit(self, request: Request) -> JSONResponse:
        if not has_basic_auth(request, self._email, self._key):
            return _refused()
        form = await _form(request)
        with self._lock:
            message = self._messages.get(request.path_params["id"])
            if message is None:
                return _invalid_message()
            if not (form.get("topic") or form.get("content")):
                return _error("Nothing to change", "BAD_REQUEST")
            self._messages[message.id] = replace(
                message,
                topic=_cut(form.get("topic") or message.topic, MAX_TOPIC, "..."),
                content=_cut(form.get("content") or message.content, MAX_CONTENT, TRUNCATED),
                earlier=(*message.earlier, (message.topic, message.content)),
            )
        return _success()

    async def _show(self, request: Request) -> JSONResponse:
        if not has_basic_auth(request, self._email, self._key):
            return _refused()
        message = self.message(request.path_params["id"])
        if message is None:
            return _invalid_message()
        return _success(
            raw_content=message.content,
            message=self._shown(message),
        )

    def _shown(self, message: ZulipMessage) -> dict[str, Any]:
        return {
            "id": message.id,
            "type": "stream",
            "display_recipient": message.stream,
            "subject": message.topic,
            "content": message.content,
            "content_type": "text/x-markdown",
            "sender_email": self._email,
            "timestamp": int(message.posted_at),
        }

    async def _delete(self, request: Request) -> JSONResponse:
        if not has_basic_auth(request, self._email, self._key):
            return _refused()
        try:
            self.delete(request.path_params["id"])
        except KeyError:
            return _invalid_message()
        return _success()


def parse_narrow(text: str, sender: str) -> Callable[[ZulipMessage], bool]:
    """Return the filter of a search, for messages that all have the same sender.

    Raises:
        ValueError: The text is no narrow, or uses an operator that the stand-in does not know.
    """
    try:
        terms = [[*one, False] if isinstance(one, list) else _pair(one) for one in json.loads(text)]
        wanted = [(str(operator), str(operand), negated) for operator, operand, negated in terms]
    except (KeyError, TypeError, ValueError):
        raise ValueError("Invalid narrow") from None
    fields: dict[str, Callable[[ZulipMessage], str]] = {
        "stream": lambda message: message.stream,
        "channel": lambda message: message.stream,
        "topic": lambda message: message.topic,
        "sender": lambda _: sender,
    }
    for operator, _, _ in wanted:
        if operator not in fields:
            raise ValueError("Invalid narrow operator: unknown operator")

    def matches(message: ZulipMessage) -> bool:
        return all(
            (fields[operator](message).casefold() == operand.casefold()) is not negated
            for operator, operand, negated in wanted
        )

    return matches


def _pair(term: dict[str, Any]) -> list[Any]:
    return [term["operator"], term["operand"], bool(term.get("negated"))]


def _cut(text: str, limit: int, end: str) -> str:
    """Return a text as Zulip stores it: cut off at a limit of characters."""
    return text if len(text) <= limit else text[: limit - len(end)] + end


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace")))


def _success(**content: Any) -> JSONResponse:
    return JSONResponse({"result": "success", "msg": "", **content})


def _error(message: str, code: str, status: int = 400) -> JSONResponse:
    return JSONResponse({"result": "error", "msg": message, "code": code}, status)


def _missing(name: str) -> JSONResponse:
    return _error(f"Missing '{name}' argument", "REQUEST_VARIABLE_MISSING")


def _invalid_message() -> JSONResponse:
    return _error("Invalid message(s)", "BAD_REQUEST")


def _refused() -> JSONResponse:
    return _error("Invalid API key", "UNAUTHORIZED", 401)
