"""The transcription service: it downloads the audio it is pointed at and says what it hears.

It holds no script. Like the real one it counts time from the first sample it decodes, whatever
start time the container claims, answers words in no useful order and leaves the leading space
on some of them.
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

from trackproof.testbed.stand_ins.credentials import bears

DOWNLOAD_TIMEOUT: Final = 30.0
"""Seconds without a byte until a download is given up."""


@dataclass(frozen=True)
class TranscribedWord:
    """One word in a piece of audio."""

    text: str
    start: float
    """Seconds from the first sample."""
    end: float
    """Seconds from the first sample."""


class UndecodableAudioError(Exception):
    """A file holds no audio that can be decoded; raised by a `Transcribe`."""


Transcribe = Callable[[Path], Sequence[TranscribedWord]]
"""Reads the words out of an audio file. Called in a worker thread, several at a time."""


class _Order(BaseModel):
    audio_file_url: str
    language: str = "en"
    batch: bool = False


class _DownloadError(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class ModalStandIn:
    """The stand-in: an ASGI app with ears."""

    def __init__(
        self, key: str, transcribe: Transcribe, *, leading_space: bool = True, shuffled: bool = True
    ) -> None:
        """Hear with `transcribe`; accept the bearer `key`.

        Args:
            key: The API key.
            transcribe: Reads the words out of a downloaded file.
            leading_space: Whether some words keep the space before them.
            shuffled: Whether words come out of order (the same way for the same audio).
        """
        self._key = key
        self._transcribe_file = transcribe
        self._leading_space = leading_space
        self._shuffled = shuffled
        path = "/v1/audio/transcriptions-from-url"
        self._app = Starlette(routes=[Route(path, self._transcribe, methods=["POST"])])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app(scope, receive, send)

    async def _transcribe(self, request: Request) -> JSONResponse:
        if not bears(request, self._key):
            return JSONResponse(
                {"detail": "Invalid API key"}, 401, headers={"WWW-Authenticate": "Bearer"}
            )
        try:
            order = _Order.model_validate_json(await request.body())
        except ValidationError as error:
            detail = error.errors(include_url=False, include_input=False, include_context=False)
            for entry in detail:
                entry["loc"] = ("body", *entry["loc"])
            return JSONResponse({"detail": detail}, 422)
        try:
            heard = await run_in_threadpool(self._hear, order.audio_file_url)
        except _DownloadError as error:
            return JSONResponse({"detail": error.detail}, error.status)
        except UndecodableAudioError as error:
            return JSONResponse({"detail": f"Failed to decode audio: {error}"}, 422)
        return JSONResponse(self._spelled(heard, order.language))

    def _hear(self, url: str) -> Sequence[TranscribedWord]:
        with tempfile.TemporaryDirectory(prefix="trackproof-modal-") as folder:
            audio = Path(folder) / "audio"
            _download(url, audio)
            return self._transcribe_file(audio)

    def _spelled(self, heard: Sequence[TranscribedWord], language: str) -> dict[str, Any]:
        spoken = sorted(heard, key=lambda word: (word.start, word.end, word.text))
        words = [
            {"word": self._with_space(index, word.text), "start": word.start, "end": word.end}
            for index, word in enumerate(spoken)
        ]
        return {
            "text": " ".join(word.text for word in spoken),
            "words": _shuffled(words) if self._shuffled else words,
            "language": language,
        }

    def _with_space(self, index: int, text: str) -> str:
        return f" {text}" if self._leading_space and index % 3 != 1 else text


def _shuffled(words: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the words in an order that looks random, is always the same and never sorted."""
    order = sorted(
        range(len(words)), key=lambda i: hashlib.sha256(f"{i} {words[i]}".encode()).digest()
    )
    if order == sorted(order):
        order.reverse()
    return [words[i] for i in order]


def _download(url: str, target: Path) -> None:
    """Fetch `url`, past any mock of this process's HTTP clients and past any proxy."""
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
