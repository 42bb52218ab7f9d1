"""Lists by reference: stored as objects, since they are too large for a payload of Conductor.

The rules are in the notes of contracts/pipeline.yaml.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from reference_workers.errors import MissingError, PermanentError
from reference_workers.services.object_keys import ListKind, list_key, list_sha256
from reference_workers.services.storage import Storage
from reference_workers.text import clean_json

MAX_STORED_BYTES = 256 * 1024 * 1024
"""Size of the largest object that is read: more than 64 tracks of ten hours need."""


def to_json(items: list[Any]) -> bytes:
    """Return a list as it is stored and measured."""
    return json.dumps(items, ensure_ascii=False, separators=(",", ":")).encode()


def store_list(
    storage: Storage, kind: ListKind, transcript_id: str, items: list[Any], content: bytes
) -> dict[str, Any]:
    """Store a list and return the reference to it.

    Args:
        storage: The S3 client.
        kind: What the list is.
        transcript_id: The transcript that it belongs to.
        items: The list.
        content: The list by `to_json`.

    Raises:
        OutageError: S3 gives no answer.
        PermanentError: S3 refuses.
    """
    key = list_key(kind, transcript_id, hashlib.sha256(content).hexdigest())
    storage.put_bytes(key, content, content_type="application/json")
    return {"key": key, "count": len(items), "size": len(content)}


def read_list(
    storage: Storage, kind: ListKind, transcript_id: str, reference: Mapping[str, Any]
) -> list[Any]:
    """Return the list of a reference.

    Raises:
        OutageError: S3 gives no answer.
        MissingError: The object does not exist.
        PermanentError: It is not the one that was stored, or belongs to something else.
    """
    key, size = str(reference["key"]), int(reference["size"])
    digest = list_sha256(kind, transcript_id, key)
    if digest is None:
        raise PermanentError(f"{key!r} is no list {kind!r} of transcript {transcript_id!r}")
    if size > MAX_STORED_BYTES:
        raise PermanentError(f"S3 {key!r}: {size} bytes are more than {MAX_STORED_BYTES}")
    try:
        content = storage.read_bytes(key, limit=size)
    except MissingError as error:
        raise MissingError(f"{error}: restart the workflow, which stores the list again") from error
    if len(content) != size or hashlib.sha256(content).hexdigest() != digest:
        raise PermanentError(f"S3 {key!r}: its content is not what was stored")
    items = _decoded(key, content)
    if len(items) != reference["count"]:
        raise PermanentError(f"S3 {key!r}: {len(items)} items instead of {reference['count']}")
    return items


def _decoded(key: str, content: bytes) -> list[Any]:
    try:
        items = clean_json(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise PermanentError(f"S3 {key!r}: no JSON ({type(error).__name__})") from error
    if not isinstance(items, list):
        raise PermanentError(f"S3 {key!r}: no list")
    return items
