"""Messages that wait in a broker of Celery: a Redis, or the folder of its filesystem transport."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from trackproof.errors import TestbedError


def waiting_messages(address: str) -> list[str]:
    """Return the text of each message, with its body decoded.

    Args:
        address: The URL of a Redis database, or the path of the folder.

    Raises:
        TestbedError: Redis does not answer.
    """
    raw = _redis_messages(address) if "://" in address else _files(Path(address))
    return [_readable(message) for message in raw]


def _files(folder: Path) -> Iterator[bytes]:
    if folder.is_dir():
        for file in sorted(folder.iterdir()):
            with suppress(FileNotFoundError, IsADirectoryError):  # a worker has taken it
                yield file.read_bytes()


def _redis_messages(url: str) -> Iterator[bytes]:
    import redis  # noqa: PLC0415 - slow import, rarely used

    try:
        with closing(redis.Redis.from_url(url)) as client:
            for key in sorted(client.scan_iter(count=1000)):
                match client.type(key):
                    case b"list":
                        yield from client.lrange(key, 0, -1)  # type: ignore[misc]
                    case b"hash":  # taken and not acknowledged
                        yield from client.hvals(key)  # type: ignore[misc]
                    case b"stream":
                        yield from (repr(entry).encode() for entry in client.xrange(key) or ())
                    case _:
                        continue
    except redis.RedisError as error:
        raise TestbedError("the broker does not answer", evidence=str(error)) from error


def _readable(message: bytes) -> str:
    """Return a message as text; the body of Celery's is base64."""
    text = message.decode(errors="replace")
    body: Any = None
    with suppress(ValueError, TypeError, LookupError):
        found = json.loads(text)
        envelope = found[0] if isinstance(found, list) else found
        body = base64.b64decode(envelope["body"]).decode(errors="replace")
    return f"{text}\n{body}" if body else text
