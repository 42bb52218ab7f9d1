"""A meeting's audio in S3: keys, uploads and presigned requests."""

from __future__ import annotations

from trackproof.contracts.load import load_contracts
from trackproof.suite.harness import Harness
from trackproof.testbed.stand_ins.ledger import Request

TASKS = load_contracts().tasks
PRESIGN_SECONDS = int(TASKS["pad_track"].effects["presign_seconds"])

SIGNATURE_PARAMETERS = frozenset({"X-Amz-Signature", "Signature"})
"""Query parameters of a presigned URL, in AWS signature versions 4 and 2."""


def padded_key(transcript_id: object, index: int) -> str:
    """Return the contract's key of a padded track."""
    key = TASKS["pad_track"].stored_key
    return key.format(transcript_id=transcript_id, track_index=index)


def mixdown_key(transcript_id: object) -> str:
    """Return the contract's key of the mixdown."""
    return TASKS["mixdown_tracks"].stored_key.format(transcript_id=transcript_id)


def put_object(harness: Harness, bucket: str, key: str, content: bytes) -> None:
    """Store an object in the testbed's S3."""
    path = harness.testbed.folder / "clause-object"
    path.write_bytes(content)
    harness.testbed.s3.put_file(bucket, key, path)


def is_presigned(request: Request) -> bool:
    """Return whether a request used a presigned URL instead of the client's own credentials."""
    return bool(SIGNATURE_PARAMETERS & request.query.keys())
