"""A real S3 server in this process: moto over HTTP, so that any client in any process reaches it.

Buckets are versioned, so that what a fleet deletes stays as evidence. moto keeps all objects in
one store per process: a second server in the same process shows the same buckets, and starting
one forgets them all. It checks neither keys nor the age of a presigned URL.
"""

from __future__ import annotations

import logging
import socket
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import boto3
from botocore.config import Config
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.s3.models import FakeDeleteMarker, s3_backends

from trackproof.errors import TestbedError
from trackproof.testbed.s3.middleware import SERVICE, S3Middleware
from trackproof.testbed.stand_ins.faults import Faults
from trackproof.testbed.stand_ins.ledger import Ledger

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OWN_AGENT: Final = "trackproof-laboratory"
"""Stands in the user agent of what the laboratory itself asks."""

_MISSING: Final = {"404", "NoSuchKey", "NoSuchBucket"}
_MAKING = Lock()


@cache
def _session() -> boto3.session.Session:
    """Return the session of all servers: each new one reads the description of S3 anew."""
    return boto3.session.Session()


@dataclass(frozen=True)
class ObjectVersion:
    """One thing that happened to a key: it was written, or it was deleted."""

    version_id: str
    modified_at: datetime
    size: int
    """Bytes; 0 for a deletion."""
    deleted: bool
    """Whether this is a deletion rather than content."""


class S3Server:
    """An S3 server on a free loopback port; use it as a context manager."""

    access_key = "trackproof"
    secret_key = "trackproof-secret"  # noqa: S105 - made up, the server does not check it
    region = "us-east-1"

    def __init__(self, buckets: Iterable[str] = (), *, port: int = 0) -> None:
        """Prepare a server with these buckets; nothing runs before `start`.

        Args:
            buckets: Made when it starts.
            port: Port to listen on; 0 is any free one.
        """
        self._buckets = tuple(buckets)
        self._port = port
        self._server: ThreadedMotoServer | None = None
        self._client: S3Client | None = None
        self.ledger = Ledger()
        """Every request to it, without bodies."""
        self.faults = Faults(frozenset({SERVICE}))
        """How it misbehaves."""

    @property
    def endpoint(self) -> str:
        """The URL clients are given as `endpoint_url`.

        Raises:
            TestbedError: The server is not running.
        """
        if self._server is None:
            raise TestbedError("the S3 server is not running", hint="call start() first")
        host, port = self._server.get_host_and_port()
        return f"http://{host}:{port}"

    def start(self) -> Self:
        """Listen, forget all objects of earlier servers in this process, make the buckets.

        Raises:
            TestbedError: The port is taken.
        """
        logging.getLogger("werkzeug").setLevel(logging.WARNING)  # not a line for each request
        _check_free(self._port)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self._port, verbose=False)
        self._server.start()
        if self._server._server is not None:
            real = self._server._server.app
            self._server._server.app = S3Middleware(real, self.ledger, self.faults)
        self.reset()
        return self

    def stop(self) -> None:
        """Stop listening; the port is free when this returns."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._server is not None:
            self._server.stop()
            listener = self._server._server
            if listener is not None:
                listener.server_close()
            self._server = None

    def reset(self) -> None:
        """Forget all objects and make the buckets anew."""
        request = urllib.request.Request(f"{self.endpoint}/moto-api/reset", method="POST")  # noqa: S310
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()
        for bucket in self._buckets:
            self.create_bucket(bucket)

    def client(self) -> S3Client:
        """Return a client of this server; safe to share among threads, closed by `stop`."""
        with _MAKING:
            if self._client is None:
                self._client = _session().client(
                    "s3",
                    endpoint_url=self.endpoint,
                    aws_access_key_id=self.access_key,
                    aws_secret_access_key=self.secret_key,
                    region_name=self.region,
                    config=Config(user_agent_extra=OWN_AGENT),
                )
        return self._client

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket that keeps every version of its objects."""
        self.client().create_bucket(Bucket=bucket)
        self.client().put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
        )

    def put_file(self, bucket: str, key: str, path: Path) -> None:
        """Store a file as an object."""
        with path.open("rb") as content:
            self.client().put_object(Bucket=bucket, Key=key, Body=content)

    def presign(self, bucket: str, key: str, *, expires_in: int = 3600) -> str:
        """Return a URL to read an object by; `expires_in` is in seconds (moto never expires it)."""
        return self.client().generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=expires_in
        )

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Return the keys there are now, sorted."""
        pages = (
            self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        )
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))

    def versions(self, bucket: str) -> dict[str, str]:
        """Return the version of every object there is now, by key."""
        # IncomingRequest of moto itself: a look at a few thousand keys takes no time.
        store = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket]
        return {
            key: str(entry.version_id)
            for key, entry in list(store.keys.items())
            if not isinstance(entry, FakeDeleteMarker)
        }

    def read(self, bucket: str, key: str) -> bytes:
        """Return the content of an object that is there now.

        Raises:
            KeyError: There is no such object (any more).
        """
        try:
            return self.client().get_object(Bucket=bucket, Key=key)["Body"].read()
        except self.client().exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") in _MISSING:
                raise KeyError(f"s3://{bucket}/{key}") from error
            raise

    def history(self, bucket: str, key: str) -> list[ObjectVersion]:
        """Return everything that happened to a key, oldest first; empty when it never was."""
        # IncomingRequest of moto itself: over HTTP its times are whole seconds, and deletions come apart.
        store = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket]
        return [
            ObjectVersion(
                version_id=str(entry.version_id),
                modified_at=entry.last_modified,
                size=0 if isinstance(entry, FakeDeleteMarker) else entry.size,
                deleted=isinstance(entry, FakeDeleteMarker),
            )
            for entry in store.keys.getlist(key, default=[])
        ]

    def gone(self, bucket: str, key: str) -> bool:
        """Tell whether an object was there once and has been deleted since."""
        history = self.history(bucket, key)
        return bool(history) and history[-1].deleted

    def read_version(self, bucket: str, key: str) -> bytes:
        """Return the last content of an object, even if it has been deleted since.

        Raises:
            KeyError: There never was such an object.
        """
        written = [version for version in self.history(bucket, key) if not version.deleted]
        if not written:
            raise KeyError(f"s3://{bucket}/{key}")
        answer = self.client().get_object(Bucket=bucket, Key=key, VersionId=written[-1].version_id)
        return answer["Body"].read()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _check_free(port: int) -> None:
    """Raise a TestbedError for a port that somebody listens on; moto would only die of it."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            raise TestbedError(
                f"S3 cannot listen on 127.0.0.1:{port}", evidence=str(error), hint="free that port"
            ) from error
