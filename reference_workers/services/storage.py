"""S3 client. Tasks exchange keys; URLs are presigned when they are used."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.response import StreamingBody

from reference_workers import metrics, tls
from reference_workers.errors import (
    MissingError,
    OutageError,
    PermanentError,
    TransientError,
)
from reference_workers.services.http import is_retryable, open_client, stream
from reference_workers.settings import Settings
from trackproof.contracts.load import load_contracts

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PRESIGN_SECONDS = int(load_contracts().tasks["pad_track"].effects["presign_seconds"])
"""Lifetime of a presigned URL."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """Metadata of an S3 object."""

    size: int
    """Bytes."""
    etag: str
    """With its quotes, as in the HTTP header."""
    modified_at: datetime


class Storage:
    """Client of one S3 account; `bucket` defaults to the transcripts' bucket."""

    def __init__(self, settings: Settings) -> None:
        """Open a client; the endpoint may be in a folder of its host: `https://host/storage/s3`."""
        self.bucket = settings.transcript_bucket
        self._reader = open_client(timeout=settings.outside_timeout_seconds)
        self._read_seconds = settings.transcription_timeout_seconds
        self._client: S3Client = boto3.client(
            "s3",
            endpoint_url=settings.s3_endpoint_url,
            aws_access_key_id=settings.s3_access_key_id or None,
            aws_secret_access_key=settings.s3_secret_access_key.get_secret_value() or None,
            region_name=settings.s3_region,
            verify=tls.ca_file(),
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": settings.s3_addressing_style},
                # Many stores do not know the trailers that the SDK sends by default, and would
                # store them as part of the object.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                retries={"total_max_attempts": 2},
                connect_timeout=5,
                read_timeout=settings.outside_timeout_seconds,
            ),
        )

    def presign(self, key: str, *, bucket: str | None = None) -> str:
        """Return a URL that serves the object for PRESIGN_SECONDS.

        Raises:
            PermanentError: Bucket or key is invalid.
        """
        with _mapped_errors(key):
            return self._client.generate_presigned_url(
                "get_object",
                Params={"Bucket": bucket or self.bucket, "Key": key},
                ExpiresIn=PRESIGN_SECONDS,
            )

    def presign_again(self, url: str) -> str:
        """Return `url` presigned again if it points to this S3: it may have expired by a retry."""
        location = self._location(url)
        return url if location is None else self.presign(location[1], bucket=location[0])

    def _location(self, url: str) -> tuple[str, str] | None:
        """Return bucket and key of a URL of this S3; None for any other URL."""
        ours, theirs = urlsplit(self._client.meta.endpoint_url), urlsplit(url)
        folder = ours.path.rstrip("/") + "/"
        if theirs.scheme != ours.scheme or not theirs.path.startswith(folder):
            return None
        path = unquote(theirs.path.removeprefix(folder))
        if theirs.netloc == ours.netloc:
            bucket, _, key = path.partition("/")
        elif theirs.netloc.endswith(f".{ours.netloc}"):
            bucket, key = theirs.netloc.removesuffix(f".{ours.netloc}"), path
        else:
            return None
        return (bucket, key) if bucket and key else None

    def size(self, key: str, *, bucket: str | None = None) -> int:
        """Return an object's size in bytes.

        Raises:
            MissingError: The object does not exist.
        """
        return self.head(key, bucket=bucket).size

    def head(self, key: str, *, bucket: str | None = None) -> ObjectInfo:
        """Return an object's metadata.

        Raises:
            MissingError: The object does not exist.
        """
        with _operation("HeadObject", key):
            head = self._client.head_object(Bucket=bucket or self.bucket, Key=key)
        modified_at = head["LastModified"].astimezone(UTC)
        return ObjectInfo(head["ContentLength"], head["ETag"], modified_at)

    def open_range(self, key: str, first: int, last: int, *, etag: str) -> StreamingBody:
        """Open bytes `first` to `last` of one version in the transcripts' bucket; caller closes.

        Raises:
            MissingError: The object does not exist.
            PermanentError: The object has another ETag.
        """
        with _mapped_errors(key):
            response = self._client.get_object(
                Bucket=self.bucket, Key=key, Range=f"bytes={first}-{last}", IfMatch=etag
            )
        return response["Body"]

    def sha256(self, url: str) -> str:
        """Return the SHA-256 of a URL's content in hex, streamed in constant memory.

        Raises:
            OutageError: The URL is of this S3, which gives no answer.
            TransientError: The URL of somebody else cannot be read for now.
            PermanentError: The server refuses, or the object does not exist.
        """
        digest = hashlib.sha256()
        try:
            for chunk in stream(self._reader, url, seconds=self._read_seconds):
                digest.update(chunk)
        except TransientError as error:
            if self._location(url) is None:
                raise
            raise OutageError(*error.args) from error
        return digest.hexdigest()

    def put_file(self, key: str, path: Path, *, content_type: str) -> int:
        """Upload a file into the transcripts' bucket; return its size in bytes.

        Raises:
            PermanentError: The store keeps another size than was sent.
        """
        size = path.stat().st_size
        with _operation("PutObject", key) as call, path.open("rb") as body:
            call.bytes_out = size
            self._client.put_object(
                Bucket=self.bucket, Key=key, Body=body, ContentType=content_type
            )
        if (stored := self.size(key)) != size:
            raise PermanentError(f"S3 {key!r}: {size} bytes were sent, {stored} are stored")
        return size

    def put_bytes(self, key: str, content: bytes, *, content_type: str) -> None:
        """Store an object in the transcripts' bucket.

        Raises:
            PermanentError: The store keeps another size than was sent.
        """
        with _operation("PutObject", key) as call:
            call.bytes_out = len(content)
            self._client.put_object(
                Bucket=self.bucket, Key=key, Body=content, ContentType=content_type
            )
        if (stored := self.size(key)) != len(content):
            raise PermanentError(f"S3 {key!r}: {len(content)} bytes were sent, {stored} are stored")

    def read_bytes(self, key: str, *, limit: int) -> bytes:
        """Return the content of an object in the transcripts' bucket.

        Raises:
            MissingError: The object does not exist.
            PermanentError: It has more than `limit` bytes.
        """
        with _operation("GetObject", key) as call:
            answer = self._client.get_object(Bucket=self.bucket, Key=key)
            with closing(answer["Body"]) as body:
                if answer["ContentLength"] > limit:
                    raise PermanentError(f"S3 {key!r}: more than {limit} bytes")
                content = body.read()  # raises unless it is as long as the answer says
            call.bytes_in = len(content)
        return content

    def keys(self, prefix: str) -> list[str]:
        """Return the keys with a prefix in the transcripts' bucket."""
        with _operation("ListObjectsV2", prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix
            )
            return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def delete(self, key: str, *, bucket: str | None = None) -> None:
        """Delete an object; a missing one is not an error."""
        with _operation("DeleteObject", key):
            self._client.delete_object(Bucket=bucket or self.bucket, Key=key)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._reader.close()


@contextmanager
def _operation(operation: str, key: str) -> Iterator[metrics.Call]:
    with metrics.record_call("s3", operation) as call, _mapped_errors(key):
        yield call


@contextmanager
def _mapped_errors(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        status = int(
            error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", HTTPStatus.BAD_REQUEST)
        )
        raise _error_class(status)(f"S3 {key!r}: {code} ({status})") from error
    except ParamValidationError as error:
        raise PermanentError(f"S3 {key!r}: invalid bucket or key") from error
    except BotoCoreError as error:
        raise OutageError(f"S3 {key!r}: no answer ({type(error).__name__})") from error


def _error_class(status: int) -> type[OutageError | PermanentError]:
    if is_retryable(status):
        return OutageError
    return MissingError if status == HTTPStatus.NOT_FOUND else PermanentError
