"""S3 in the contracts' keys, for a fleet that uses other keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trackproof.fleet.translation.field_map import TemplateMap
from trackproof.testbed.s3.object_store import ObjectStore
from trackproof.testbed.s3.server import ObjectVersion
from trackproof.testbed.stand_ins.faults import Fault
from trackproof.testbed.stand_ins.ledger import Request

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class TranslatedS3:
    """An `ObjectStore` that translates keys and delegates to the store it wraps."""

    def __init__(self, store: ObjectStore, keys: TemplateMap) -> None:
        """Wrap `store`; `keys` maps the contracts' keys to the fleet's."""
        self._store = store
        self._keys = keys
        self.access_key = store.access_key
        self.secret_key = store.secret_key
        self.region = store.region
        self.ledger = store.ledger.translated(self._request_from_fleet)
        self.faults = store.faults.translated(self._fault_to_fleet)

    @property
    def endpoint(self) -> str:
        """URL for the clients' `endpoint_url`."""
        return self._store.endpoint

    def client(self) -> S3Client:
        """Return the wrapped store's client, which uses the fleet's keys."""
        return self._store.client()

    def put_file(self, bucket: str, key: str, path: Path) -> None:
        """Store a file as an object."""
        self._store.put_file(bucket, self._keys.to_fleet(key), path)

    def presign(self, bucket: str, key: str, *, expires_in: int = 3600) -> str:
        """Return a URL to read an object; `expires_in` is in seconds."""
        return self._store.presign(bucket, self._keys.to_fleet(key), expires_in=expires_in)

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Return the existing keys, sorted."""
        translated = map(self._keys.from_fleet, self._store.keys(bucket))
        return sorted(key for key in translated if key.startswith(prefix))

    def versions(self, bucket: str) -> dict[str, str]:
        """Return the version id of every existing object, by key."""
        versions = self._store.versions(bucket)
        return {self._keys.from_fleet(key): version for key, version in versions.items()}

    def read(self, bucket: str, key: str) -> bytes:
        """Return the content of an existing object."""
        return self._store.read(bucket, self._keys.to_fleet(key))

    def history(self, bucket: str, key: str) -> list[ObjectVersion]:
        """Return all versions of a key, deletions included, oldest first."""
        return self._store.history(bucket, self._keys.to_fleet(key))

    def read_version(self, bucket: str, key: str) -> bytes:
        """Return the last content of an object, even if it has been deleted since."""
        return self._store.read_version(bucket, self._keys.to_fleet(key))

    def _request_from_fleet(self, request: Request) -> Request:
        path = _map_key(self._keys.from_fleet, request.path)
        return request if path == request.path else replace(request, path=path)

    def _fault_to_fleet(self, fault: Fault) -> Fault:
        path = fault.path and _map_key(self._keys.to_fleet, fault.path)
        return fault.model_copy(update={"path": path})


def _map_key(translate: Callable[[str], str], path: str) -> str:
    """Translate the key in an object's path `/bucket/key`, or in a glob of one."""
    key = path.removeprefix("/").partition("/")[2]
    return path.removesuffix(key) + translate(key)
