"""Read and write HTTP/1.1 messages on a stream, without interpreting more than their length."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

HEAD_BYTES: Final = 1 << 18
"""Limit for a request or status line with its headers."""

BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer."""

    start: str
    """The request or status line."""
    headers: tuple[tuple[str, str], ...]
    """Names in lower case."""
    body: bytes
    """Decoded from chunks, not from a content encoding."""
    ends_connection: bool = False
    """Whether the body ended with the connection."""

    def header(self, name: str) -> str:
        """Return the first header of a name in lower case; empty without one."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def status(self) -> int:
        """The status of an answer."""
        return int(self.start.split(" ", 2)[1])

    def encoded(self) -> bytes:
        """Return the message as bytes, its body with a Content-Length."""
        headers = [
            (name, value)
            for name, value in self.headers
            if name not in {"content-length", "transfer-encoding", "expect"}
        ]
        if self.body or self.header("content-length") or self.header("transfer-encoding"):
            headers.append(("content-length", str(len(self.body))))
        lines = [self.start, *(f"{name}: {value}" for name, value in headers), "", ""]
        return "\r\n".join(lines).encode("latin-1") + self.body


async def read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Message | None:
    """Read the next request; None at the end of the connection.

    Raises:
        OSError, asyncio.IncompleteReadError, ValueError: It is cut off or no HTTP/1.1.
    """
    try:
        start, headers = await _read_head(reader)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    by_name = dict(headers)
    if by_name.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
    body = await _read_body(reader, by_name)
    return Message(start, headers, body or b"")


async def read_answer(reader: asyncio.StreamReader, method: str) -> Message:
    """Read the answer to a request, without interim answers.

    Raises:
        OSError, asyncio.IncompleteReadError, ValueError: It is cut off or no HTTP/1.1.
    """
    while True:
        start, headers = await _read_head(reader)
        message = Message(start, headers, b"")
        if message.status >= HTTPStatus.OK:
            break
    if method == "HEAD" or message.status in BODILESS:
        return message
    body = await _read_body(reader, dict(headers))
    if body is not None:
        return Message(start, headers, body)
    return Message(start, headers, await reader.read(-1), ends_connection=True)


async def _read_head(
    reader: asyncio.StreamReader,
) -> tuple[str, tuple[tuple[str, str], ...]]:
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    start, *lines = text.removesuffix("\r\n\r\n").lstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return start, tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes | None:
    """Return the body; None if the headers do not tell its length."""
    if headers.get("transfer-encoding", "").lower().endswith("chunked"):
        return await _read_chunks(reader)
    if length := headers.get("content-length"):
        return await reader.readexactly(int(length))
    return None


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    chunks = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        chunks.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while (await reader.readuntil(b"\r\n")) != b"\r\n":
        pass  # trailers
    return b"".join(chunks)
