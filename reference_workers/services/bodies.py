"""Read a response's body within a size limit, which holds before and after decompression."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Final

import httpx

from reference_workers.services.deadlines import check_time

ACCEPTED_ENCODINGS: Final = "gzip, deflate"
"""Encodings whose decoder stops at a given size; others are not requested and not decoded."""

_GZIP: Final = 16 + zlib.MAX_WBITS
_HEAD_BYTES: Final = 2


class TooLargeError(Exception):
    """The body is larger than its limit."""


def read_body(response: httpx.Response, max_bytes: int) -> bytes:
    """Return the decoded body; memory never exceeds the limit by more than a chunk.

    Raises:
        TooLargeError: The body, compressed or not, has more than `max_bytes`.
        httpx.DecodingError: The encoding is unknown, or the compressed data is damaged.
    """
    if response.is_stream_consumed:  # the transport has read and decoded it
        if len(response.content) > max_bytes:
            raise TooLargeError
        return response.content
    decode = _decoder(response)
    body, received = bytearray(), 0
    for chunk in response.iter_raw():
        check_time()
        received += len(chunk)
        body += decode(chunk, max_bytes + 1 - len(body))
        if max(received, len(body)) > max_bytes:
            raise TooLargeError
    return bytes(body)


def _decoder(response: httpx.Response) -> Callable[[bytes, int], bytes]:
    """Return a function that decodes a chunk into at most so many bytes."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding in {"", "identity"}:
        return lambda chunk, _: chunk
    if encoding in {"gzip", "x-gzip"}:
        decode = _Inflate(_GZIP)
    elif encoding == "deflate":
        decode = _Inflate(zlib.MAX_WBITS, -zlib.MAX_WBITS)
    else:
        raise httpx.DecodingError(f"unknown Content-Encoding: {encoding[:50]}")

    def decoded(chunk: bytes, limit: int) -> bytes:
        try:
            return b"".join(decode(chunk, limit))
        except zlib.error as error:
            raise httpx.DecodingError(str(error)) from error

    return decoded


class _Inflate:
    """Decompresses chunks; the first of several formats that fits the beginning."""

    def __init__(self, *formats: int) -> None:
        self._formats = list(formats)
        self._stream = zlib.decompressobj(self._formats[0])
        self._has_begun = False
        self._head = b""

    def __call__(self, chunk: bytes, limit: int) -> Iterator[bytes]:
        if not self._has_begun:  # two bytes tell the formats apart
            self._head = chunk = self._head + chunk
            if len(chunk) < _HEAD_BYTES:
                return
        while chunk and limit > 0:
            if self._stream.eof:  # a gzip body may have several members
                self._stream = zlib.decompressobj(self._formats[0])
            part = self._decompress(chunk, limit)
            self._has_begun = True
            yield part
            limit -= len(part)
            chunk = self._stream.unused_data

    def _decompress(self, chunk: bytes, limit: int) -> bytes:
        try:
            return self._stream.decompress(chunk, limit)
        except zlib.error:
            if self._has_begun or len(self._formats) == 1:
                raise
            del self._formats[0]
            self._stream = zlib.decompressobj(self._formats[0])
            return self._stream.decompress(chunk, limit)
