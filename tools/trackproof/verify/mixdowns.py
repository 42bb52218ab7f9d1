"""Read the mixdown of a transcript from S3, over HTTP or from a folder."""

from __future__ import annotations

import io
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote, urlsplit

import boto3
import httpx
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from fixtures_audio.audio_file import AudioSource
from trackproof.errors import TestbedError, UsageError
from trackproof.testbed.conductor.rest import http_client
from trackproof.verify.shadow_comparison import ReadAudio

VARIABLE = "{transcript_id}"
READ_SECONDS = 60.0


def mixdown_reader(template: str) -> ReadAudio:
    """Return what reads the mixdown of a transcript.

    Args:
        template: `s3://bucket/{transcript_id}/audio.mp3` (endpoint and keys as the AWS CLI takes
            them: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID …), an HTTP URL, or a path.

    Raises:
        UsageError: The template has no `{transcript_id}`.
    """
    if VARIABLE not in template:
        raise UsageError(
            f"--audio {template!r} is the same for every transcript",
            hint=f"write {VARIABLE}, as in s3://transcripts/{VARIABLE}/audio.mp3",
        )

    def read(transcript_id: str) -> AudioSource | None:
        scheme = urlsplit(template).scheme
        if scheme == "s3":
            return _from_s3(template.replace(VARIABLE, transcript_id))
        if scheme in {"http", "https"}:
            return _over_http(template.replace(VARIABLE, quote(transcript_id, safe="")))
        path = Path(template.replace(VARIABLE, transcript_id))
        return path if path.is_file() else None

    return read


def _from_s3(url: str) -> io.BytesIO | None:
    place = urlsplit(url)
    try:
        # In the path: self-hosted stores have no host name for each bucket.
        client = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
        found = client.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))
        return io.BytesIO(found["Body"].read())
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in {"NoSuchKey", "404"}:
            return None
        raise _unreadable(url, error) from error
    except BotoCoreError as error:
        raise _unreadable(url, error) from error


def _over_http(url: str) -> io.BytesIO | None:
    try:
        with http_client(url, timeout=READ_SECONDS) as client:
            answer = client.get(url, follow_redirects=True)
        if answer.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
            return None
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise _unreadable(url, error) from error
    return io.BytesIO(answer.content)


def _unreadable(url: str, error: Exception) -> TestbedError:
    return TestbedError(
        f"the mixdown {url} cannot be read",
        evidence=f"{type(error).__name__}: {error}",
        hint="correct --audio, or the variables that AWS' tools read (AWS_ENDPOINT_URL …)",
    )
