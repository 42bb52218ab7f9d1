"""S3 over HTTP by moto, reachable for any client in any process.

Buckets are versioned, so that deleted objects remain as evidence. moto keeps all objects in one
store per process: a second server in the same process shares the buckets, and starting one
empties them. moto checks neither credentials nor the expiry of presigned URLs.
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
from trackproof.testbed.stoppable import Stoppable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OWN_AGENT: Final = "trackproof-laboratory"
"""Part of the user agent of the laboratory's own requests."""

_MISSING: Final = {"404", "NoSuchKey", "NoSuchBucket"}
_CLIENT_LOCK = Lock()


@cache
def _session() -> boto3.session.Session:
    """Return one session for all servers: a new one parses the S3 service model, which is slow."""
    return boto3.session.Session()


@dataclass(frozen=True)
class ObjectVersion:
    """One write or deletion of a key."""

    version_id: str
    modified_at: datetime
    size: int
    """Bytes; 0 for a deletion."""
    deleted: bool


class S3Server(Stoppable):
    """An S3 server on a loopback port, started by `start` or as a context manager."""

    access_key = "trackproof"
    secret_key = "trackproof-secret"  # noqa: S105 - made up, the server does not check it
    region = "us-east-1"

    def __init__(self, buckets: Iterable[str] = (), *, port: int = 0, folder: str = "") -> None:
        """Configure the server; nothing runs before `start`.

        Args:
            buckets: Created at the start.
            port: Port to listen on; 0 for any free one.
            folder: Path of the endpoint, such as `/storage/v1/s3`; none by default.
        """
        self._folder = folder
        self._buckets = tuple(buckets)
        self._port = port
        self._server: ThreadedMotoServer | None = None
        self._client: S3Client | None = None
        self.ledger = Ledger()
        """Every request, without bodies."""
        self.faults = Faults(frozenset({SERVICE}))
        """Injected faults."""

    @property
    def endpoint(self) -> str:
        """URL for the clients' `endpoint_url`.

        Raises:
            TestbedError: The server is not running.
        """
        if self._server is None:
            raise TestbedError("the S3 server is not running", hint="call start() first")
        host, port = self._server.get_host_and_port()
        return f"http://{host}:{port}{self._folder}"

    def start(self) -> Self:
        """Start listening, delete the objects of earlier servers, create the buckets.

        Raises:
            TestbedError: The port is taken.
        """
        logging.getLogger("werkzeug").setLevel(logging.WARNING)  # no line per request
        _check_free(self._port)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self._port, verbose=False)
        self._server.start()
        if self._server._server is not None:
            real = self._server._server.app
            self._server._server.app = S3Middleware(
                real, self.ledger, self.faults, folder=self._folder
            )
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
        """Delete all objects and create the buckets again."""
        root = self.endpoint.removesuffix(self._folder)
        request = urllib.request.Request(f"{root}/moto-api/reset", method="POST")  # noqa: S310
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()
        for bucket in self._buckets:
            self.create_bucket(bucket)

    def client(self) -> S3Client:
        """Return the shared client of this server: thread-safe, closed by `stop`."""
        with _CLIENT_LOCK:
            if self._client is None:
                self._client = _session().client(
                    "s3",
                    endpoint_url=self.endpoint,
                    aws_access_key_id=self.access_key,
                    aws_secret_access_key=self.secret_key,
                    region_name=self.region,
                    config=Config(user_agent_extra=OWN_AGENT, proxies={}),
                )
        return self._client

    def create_bucket(self, bucket: str) -> None:
        """Create a versioned bucket."""
        self.client().create_bucket(Bucket=bucket)
        self.client().put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
        )

    def put_file(self, bucket: str, key: str, path: Path) -> None:
        """Store a file as an object."""
        with path.open("rb") as content:
            self.client().put_object(Bucket=bucket, Key=key, Body=content)

    def presign(self, bucket: str, key: str, *, expires_in: int = 3600) -> str:
        """Return a URL to read an object; `expires_in` is in seconds (moto never expires it)."""
        return self.client().generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=expires_in
        )

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Return the existing keys, sorted."""
        pages = (
            self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        )
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))

    def versions(self, bucket: str) -> dict[str, str]:
        """Return the version id of every existing object, by key."""
        # Read from moto's memory: fast for thousands of keys.
        store = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket]
        return {
            key: str(entry.version_id)
            for key, entry in list(store.keys.items())
            if not isinstance(entry, FakeDeleteMarker)
        }

    def read(self, bucket: str, key: str) -> bytes:
        """Return the content of an existing object.

        Raises:
            KeyError: The object does not exist, or not any more.
        """
        try:
            return self.client().get_object(Bucket=bucket, Key=key)["Body"].read()
        except self.client().exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") in _MISSING:
                raise KeyError(f"s3://{bucket}/{key}") from error
            raise

    def history(self, bucket: str, key: str) -> list[ObjectVersion]:
        """Return all versions of a key, deletions included, oldest first."""
        # From moto's memory: over HTTP, times are whole seconds and deletions a separate list.
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
        """Return whether an object existed and has been deleted since."""
        history = self.history(bucket, key)
        return bool(history) and history[-1].deleted

    def read_version(self, bucket: str, key: str) -> bytes:
        """Return the last content of an object, even if it has been deleted since.

        Raises:
            KeyError: The object never existed.
        """
        written = [version for version in self.history(bucket, key) if not version.deleted]
        if not written:
            raise KeyError(f"s3://{bucket}/{key}")
        answer = self.client().get_object(Bucket=bucket, Key=key, VersionId=written[-1].version_id)
        return answer["Body"].read()

    def __enter__(self) -> Self:
        return self.start()


def _check_free(port: int) -> None:
    """Raise a TestbedError for a port in use, at which moto's thread would die silently."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            raise TestbedError(
                f"S3 cannot listen on 127.0.0.1:{port}",
                evidence=str(error),
                hint="choose another port, or end the process that uses it",
            ) from error
