"""Stand-in of the transcription service on Modal: downloads audio and transcribes it.

It has no script. Like the real service it counts time from the first decoded sample, whatever the
container's start time, returns words unsorted and leaves the leading space of some.
"""

from __future__ import annotations

import hashlib
import http.client
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from trackproof.testbed.stand_ins.credentials import has_bearer

DOWNLOAD_TIMEOUT: Final = 30.0
"""Seconds without a byte before a download fails."""


@dataclass(frozen=True)
class TranscribedWord:
    """One word in an audio file."""

    text: str
    start: float
    """Seconds from the first sample."""
    end: float
    """Seconds from the first sample."""


class UndecodableAudioError(Exception):
    """A file has no decodable audio; raised by a `Transcribe` function."""


Transcribe = Callable[[Path], Sequence[TranscribedWord]]
"""Returns the words in an audio file. Called in worker threads, concurrently."""


class _Job(BaseModel):
    audio_file_url: str
    language: str = "en"
    batch: bool = False


class _DownloadError(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class ModalStandIn:
    """An ASGI app that transcribes downloaded audio."""

    def __init__(
        self,
        key: str,
        transcribe: Transcribe,
        *,
        leading_space: bool = True,
        shuffled: bool = True,
        folder: Path | None = None,
    ) -> None:
        """Configure the service.

        Args:
            key: Bearer token that callers must present.
            transcribe: Returns the words in a downloaded file.
            leading_space: Whether some words have a leading space.
            shuffled: Whether words are unsorted (in the same order for the same audio).
            folder: Folder of the downloads; the system's for temporary files by default.
        """
        self._key = key
        self._folder = folder
        self.transcribe = transcribe
        """Returns the words in a file; may be replaced while the service runs."""
        self._leading_space = leading_space
        self._shuffled = shuffled
        path = "/v1/audio/transcriptions-from-url"
        self._app = Starlette(routes=[Route(path, self._transcribe, methods=["POST"])])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app(scope, receive, send)

    async def _transcribe(self, request: Request) -> JSONResponse:
        if not has_bearer(request, self._key):
            return JSONResponse(
                {"detail": "Invalid API key"}, 401, headers={"WWW-Authenticate": "Bearer"}
            )
        try:
            job = _Job.model_validate_json(await request.body())
        except ValidationError as error:
            detail = error.errors(include_url=False, include_input=False, include_context=False)
            for entry in detail:
                entry["loc"] = ("body", *entry["loc"])
            return JSONResponse({"detail": detail}, 422)
        try:
            words = await run_in_threadpool(self._download_and_transcribe, job.audio_file_url)
        except _DownloadError as error:
            return JSONResponse({"detail": error.detail}, error.status)
        except UndecodableAudioError as error:
            return JSONResponse({"detail": f"Failed to decode audio: {error}"}, 422)
        return JSONResponse(self._response(words, job.language))

    def _download_and_transcribe(self, url: str) -> Sequence[TranscribedWord]:
        with tempfile.TemporaryDirectory(prefix="trackproof-modal-", dir=self._folder) as folder:
            audio = Path(folder) / "audio"
            _download(url, audio)
            return self.transcribe(audio)

    def _response(self, transcribed: Sequence[TranscribedWord], language: str) -> dict[str, Any]:
        by_time = sorted(transcribed, key=lambda word: (word.start, word.end, word.text))
        words = [
            {"word": self._with_space(index, word.text), "start": word.start, "end": word.end}
            for index, word in enumerate(by_time)
        ]
        return {
            "text": " ".join(word.text for word in by_time),
            "words": _shuffled(words) if self._shuffled else words,
            "language": language,
        }

    def _with_space(self, index: int, text: str) -> str:
        return f" {text}" if self._leading_space and index % 3 != 1 else text


def _shuffled(words: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the words in a random-looking, reproducible order that is never sorted."""
    order = sorted(
        range(len(words)), key=lambda i: hashlib.sha256(f"{i} {words[i]}".encode()).digest()
    )
    if order == sorted(order):
        order.reverse()
    return [words[i] for i in order]


def _download(url: str, target: Path) -> None:
    """Fetch `url` with urllib, which httpx mocks do not patch, and without proxies."""
    if not url.lower().startswith(("http://", "https://")):
        raise _DownloadError(400, "audio_file_url must be an http or https URL")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=DOWNLOAD_TIMEOUT) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
            missing = source.length
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.client.NOT_FOUND:
            raise _DownloadError(404, "Audio file not found") from error
        raise _DownloadError(400, f"Audio file not readable: HTTP {error.code}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _DownloadError(400, f"Audio file not reachable: {error}") from error
    if missing:
        raise _DownloadError(400, f"Audio file cut short: {missing} bytes are missing")
