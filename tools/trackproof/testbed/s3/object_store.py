"""The part of an S3 server that checks and clause tests use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from trackproof.testbed.s3.server import ObjectVersion
from trackproof.testbed.stand_ins.faults import Faults
from trackproof.testbed.stand_ins.ledger import Ledger

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class ObjectStore(Protocol):
    """Objects, recorded requests and faults of an S3 server; see `S3Server` for each member."""

    access_key: str
    secret_key: str
    region: str
    ledger: Ledger
    faults: Faults

    @property
    def endpoint(self) -> str:
        """URL for the clients' `endpoint_url`."""

    def client(self) -> S3Client:
        """Return the shared client."""

    def put_file(self, bucket: str, key: str, path: Path) -> None:
        """Store a file as an object."""

    def presign(self, bucket: str, key: str, *, expires_in: int = 3600) -> str:
        """Return a URL to read an object; `expires_in` is in seconds."""

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Return the existing keys, sorted."""

    def versions(self, bucket: str) -> dict[str, str]:
        """Return the version id of every existing object, by key."""

    def read(self, bucket: str, key: str) -> bytes:
        """Return the content of an existing object."""

    def history(self, bucket: str, key: str) -> list[ObjectVersion]:
        """Return all versions of a key, deletions included, oldest first."""

    def read_version(self, bucket: str, key: str) -> bytes:
        """Return the last content of an object, even if it has been deleted since."""
