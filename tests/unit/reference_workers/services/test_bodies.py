"""The size limit of an answer holds before and after decompression."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from reference_workers.errors import TransientError, WorkerError
from reference_workers.services.daily import Daily
from reference_workers.services.http import open_client, send_request
from reference_workers.services.llm import LLM
from reference_workers.services.modal import Modal
from reference_workers.services.zulip import Zulip
from reference_workers.settings import Settings

LIMIT = 1_000_000


class Chunks(httpx.SyncByteStream):
    """A body that is sent in chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks


def answering(chunks: Iterator[bytes], encoding: str = "") -> httpx.MockTransport:
    headers = {"Content-Encoding": encoding} if encoding else {}
    return httpx.MockTransport(
        lambda _: httpx.Response(200, headers=headers, stream=Chunks(chunks))
    )


def get(chunks: Iterator[bytes], encoding: str = "") -> bytes:
    with httpx.Client(transport=answering(chunks, encoding)) as client:
        return send_request(client, "GET", "https://service.test/", max_bytes=LIMIT).content


def bomb() -> Iterator[bytes]:
    """Yield gzip of 1 GB of zeros: about 1 MB, made as it is read."""
    packer = zlib.compressobj(9, wbits=31)
    for _ in range(1000):
        yield packer.compress(bytes(1_000_000))
    yield packer.flush()


def endless() -> Iterator[bytes]:
    while True:
        yield b" " * 65_536


def test_a_bomb_takes_no_more_memory_than_the_limit() -> None:
    tracemalloc.start()
    with pytest.raises(TransientError, match="larger than 1 MB"):
        get(bomb(), "gzip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 10 * LIMIT


@pytest.mark.parametrize("encoding", ["", "identity", "gzip"])
def test_an_endless_body_is_given_up(encoding: str) -> None:
    packer = zlib.compressobj(0, wbits=31)
    chunks = endless() if encoding != "gzip" else (packer.compress(part) for part in endless())
    with pytest.raises(TransientError, match="larger than 1 MB"):
        get(chunks, encoding)


def test_the_limit_holds_before_decompression_too() -> None:
    # Empty gzip members: any number of bytes that decode to nothing.
    empty = gzip.compress(b"")
    with pytest.raises(TransientError, match="larger than 1 MB"):
        get((empty * 1000 for _ in endless()), "gzip")


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "unknown"])
def test_an_encoding_without_a_limited_decoder_is_not_decoded(encoding: str) -> None:
    with pytest.raises(TransientError, match="cannot be decoded"):
        get(iter([b"anything"]), encoding)


BODY = b'{"words": []}' * 1000


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "sent"),
    [
        ("", BODY),
        ("gzip", gzip.compress(BODY)),
        ("GZIP", gzip.compress(BODY)),
        ("x-gzip", gzip.compress(BODY[:100]) + gzip.compress(BODY[100:])),
        ("deflate", zlib.compress(BODY)),
        ("deflate", raw_deflate(BODY)),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_right_bodies_are_decoded(encoding: str, sent: bytes, size: int) -> None:
    assert get((sent[at : at + size] for at in range(0, len(sent), size)), encoding) == BODY


def test_a_body_of_exactly_the_limit_is_accepted() -> None:
    assert len(get(iter([gzip.compress(bytes(LIMIT))]), "gzip")) == LIMIT
    with pytest.raises(TransientError):
        get(iter([gzip.compress(bytes(LIMIT + 1))]), "gzip")


def test_damaged_compression_is_transient() -> None:
    with pytest.raises(TransientError, match="cannot be decoded"):
        get(iter([b"\x1f\x8b not gzip"]), "gzip")


def test_only_encodings_with_a_limited_decoder_are_requested() -> None:
    with open_client(timeout=1, headers={"X-Own": "1"}) as client:
        assert client.headers["accept-encoding"] == "gzip, deflate"
        assert client.headers["x-own"] == "1"


def service_calls() -> dict[str, Any]:
    settings = Settings(zulip_url="https://zulip.test")
    return {
        "daily": (Daily(settings), lambda it: it.recording("r")),
        "participants": (Daily(settings), lambda it: it.participants("s")),
        "modal": (Modal(settings), lambda it: it.transcribe("https://s3.test/a", "en")),
        "llm": (LLM(settings), lambda it: it.complete("hi", name="n", schema={"type": "object"})),
        "zulip": (Zulip(settings), lambda it: it.post("s", "t", "c")),
        "zulip edit": (Zulip(settings), lambda it: it.update("1", "c")),
    }


@pytest.mark.parametrize("service", service_calls())
def test_every_service_has_a_limit(service: str) -> None:
    client, call = service_calls()[service]
    client._client = httpx.Client(
        base_url="https://service.test", transport=answering(bomb(), "gzip")
    )
    with pytest.raises(WorkerError, match="larger than"):
        call(client)
