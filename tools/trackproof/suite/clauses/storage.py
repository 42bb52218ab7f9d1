"""A meeting's audio in S3: keys, uploads and presigned requests."""

from __future__ import annotations

from trackproof.contracts.load import load_contracts
from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET
from trackproof.runs.pipeline_run import PipelineRun
from trackproof.runs.stored_lists import OUTPUTS, list_keys
from trackproof.runs.task_run import StoredObject
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


def stored_objects(harness: Harness) -> frozenset[StoredObject]:
    """Return every object in S3."""
    return frozenset(
        StoredObject(bucket, key)
        for bucket in (RECORDING_BUCKET, TRANSCRIPT_BUCKET)
        for key in harness.testbed.s3.keys(bucket)
    )


def unfinished_uploads(harness: Harness) -> list[str]:
    """Return bucket and key of every multipart upload that was begun but not ended."""
    client = harness.testbed.s3.client()
    return [
        f"{bucket}/{upload['Key']}"
        for bucket in (RECORDING_BUCKET, TRANSCRIPT_BUCKET)
        for upload in client.list_multipart_uploads(Bucket=bucket).get("Uploads", ())
    ]


def mixdown_of(run: PipelineRun) -> StoredObject:
    """Return a meeting's mixdown."""
    return StoredObject(TRANSCRIPT_BUCKET, mixdown_key(run.evidence.scenario.transcript_id))


def kept_objects(run: PipelineRun) -> frozenset[StoredObject]:
    """Return the objects that may exist after a meeting.

    A fleet may store the waveform in S3, under any key that its row names.
    """
    scenario = run.evidence.scenario
    indexes = range(len(scenario.meeting.tracks))
    keys = [padded_key(scenario.transcript_id, index) for index in indexes]
    keys += list_keys(run.workflow, *OUTPUTS.values())
    if location := run.evidence.transcript.get("waveform_location"):
        keys.append(str(location))
    return frozenset(
        {
            *(StoredObject(RECORDING_BUCKET, key) for key in scenario.track_keys),
            *(StoredObject(TRANSCRIPT_BUCKET, key) for key in keys),
            mixdown_of(run),
        }
    )


def put_object(harness: Harness, bucket: str, key: str, content: bytes) -> None:
    """Store an object in the testbed's S3."""
    path = harness.testbed.folder / "clause-object"
    path.write_bytes(content)
    harness.testbed.s3.put_file(bucket, key, path)


def is_presigned(request: Request) -> bool:
    """Return whether a request used a presigned URL instead of the client's own credentials."""
    return bool(SIGNATURE_PARAMETERS & request.query.keys())
