from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import pytest

from tests.unit.trackproof.testbed.stand_ins.audio_server import AudioServer, serving
from tests.unit.trackproof.testbed.stand_ins.conftest import transcribe_text
from tests.unit.trackproof.testbed.stand_ins.transports import Caller, bearer, caller_of
from trackproof.testbed.stand_ins import StandIns, TranscribedWord

PATH = "/v1/audio/transcriptions-from-url"
WORDS = ["good", "morning", "we", "launch", "on", "friday"]
AUDIO = ("audio\n" + "".join(f"{word} {i / 2}\n" for i, word in enumerate(WORDS))).encode()


@pytest.fixture
def audio() -> Iterator[AudioServer]:
    files = {"track.webm": AUDIO, "one.webm": b"audio\nhello 0.25\n", "photo.jpg": b"\xff\xd8"}
    with serving(files) as audio:
        yield audio


def transcribe(stand_ins: StandIns, caller: Caller, url: str, **fields: Any) -> httpx.Response:
    """Request the transcription of a URL."""
    body = {"audio_file_url": url, "language": "en", "batch": True, **fields}
    headers = bearer(stand_ins.credentials.modal_key)
    return caller.call("modal", "POST", PATH, json=body, headers=headers)


def test_response_has_the_words_of_the_audio(
    stand_ins: StandIns, caller: Caller, audio: AudioServer
) -> None:
    answer = transcribe(stand_ins, caller, f"{audio.url}/track.webm?signature=x", language="fr")

    assert answer.status_code == 200
    content = answer.json()
    assert content["text"] == " ".join(WORDS)
    assert content["language"] == "fr"
    by_time = sorted(content["words"], key=lambda word: word["start"])
    assert [word["word"].strip() for word in by_time] == WORDS
    assert by_time[3] == {"word": by_time[3]["word"], "start": 1.5, "end": 1.58}
    assert audio.paths == ["/track.webm?signature=x"]


def test_words_are_unsorted_and_some_have_a_leading_space(
    stand_ins: StandIns, caller: Caller, audio: AudioServer
) -> None:
    words = transcribe(stand_ins, caller, f"{audio.url}/track.webm").json()["words"]

    starts = [word["start"] for word in words]
    assert starts != sorted(starts)
    assert {word["word"].startswith(" ") for word in words} == {True, False}


def test_same_audio_gets_the_same_response(
    stand_ins: StandIns, caller: Caller, audio: AudioServer
) -> None:
    url = f"{audio.url}/track.webm"

    first, second = (transcribe(stand_ins, caller, url) for _ in range(2))

    assert first.content == second.content


def test_downloads_are_below_the_given_folder(audio: AudioServer, tmp_path: Path) -> None:
    files: list[Path] = []

    def remember(path: Path) -> list[TranscribedWord]:
        files.append(path)
        return []

    stand_ins = StandIns(transcribe=remember, folder=tmp_path)
    with caller_of(stand_ins, "in process") as caller:
        transcribe(stand_ins, caller, f"{audio.url}/track.webm")

    [file] = files
    assert file.is_relative_to(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_shuffling_and_leading_spaces_are_optional(audio: AudioServer) -> None:
    tidy = StandIns(transcribe=transcribe_text, leading_space=False, shuffled_words=False)
    with tidy.serve() as served:
        words = httpx.post(
            served.urls["modal"] + PATH,
            json={"audio_file_url": f"{audio.url}/track.webm"},
            headers=bearer(tidy.credentials.modal_key),
        ).json()["words"]

    assert [word["word"] for word in words] == WORDS


def test_two_words_are_unsorted_too(stand_ins: StandIns, caller: Caller) -> None:
    with serving({"a": b"audio\nyes 0\nno 1\n"}) as audio:
        words = transcribe(stand_ins, caller, f"{audio.url}/a").json()["words"]

    assert [word["start"] for word in words] == [1.0, 0.0]


def test_silence_has_no_words(stand_ins: StandIns, caller: Caller) -> None:
    with serving({"silence": b"audio\n"}) as audio:
        answer = transcribe(stand_ins, caller, f"{audio.url}/silence")

    assert answer.json() == {"text": "", "words": [], "language": "en"}


def test_requests_are_transcribed_concurrently(stand_ins: StandIns, audio: AudioServer) -> None:
    audio.together = Barrier(4, timeout=10)  # no download ends before four have started
    with stand_ins.serve() as served, ThreadPoolExecutor(4) as callers:

        def transcribe_one(_: int) -> int:
            return httpx.post(
                served.urls["modal"] + PATH,
                json={"audio_file_url": f"{audio.url}/one.webm"},
                headers=bearer(stand_ins.credentials.modal_key),
            ).status_code

        assert list(callers.map(transcribe_one, range(4))) == [200] * 4


def test_file_without_audio_is_unprocessable(
    stand_ins: StandIns, caller: Caller, audio: AudioServer
) -> None:
    answer = transcribe(stand_ins, caller, f"{audio.url}/photo.jpg")

    assert answer.status_code == 422
    assert "Failed to decode audio" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [("gone.webm", 404, "Audio file not found"), ("forbidden", 400, "HTTP 403")],
)
def test_failed_download_is_a_client_error(
    stand_ins: StandIns, caller: Caller, audio: AudioServer, path: str, status: int, detail: str
) -> None:
    answer = transcribe(stand_ins, caller, f"{audio.url}/{path}")

    assert answer.status_code == status
    assert detail in answer.json()["detail"]


def test_truncated_download_is_a_client_error(
    stand_ins: StandIns, caller: Caller, audio: AudioServer
) -> None:
    audio.cut_short = True

    answer = transcribe(stand_ins, caller, f"{audio.url}/track.webm")

    assert answer.status_code == 400
    assert "10 bytes are missing" in answer.json()["detail"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "file:///etc/hostname", "http://[", ""])
def test_invalid_url_is_a_client_error(stand_ins: StandIns, caller: Caller, url: str) -> None:
    assert transcribe(stand_ins, caller, url).status_code == 400


@pytest.mark.parametrize(
    ("content", "field"), [(b"{}", "audio_file_url"), (b"[", None), (b"[1]", None)]
)
def test_invalid_body_names_the_missing_field(
    stand_ins: StandIns, caller: Caller, content: bytes, field: str | None
) -> None:
    headers = bearer(stand_ins.credentials.modal_key)

    answer = caller.call("modal", "POST", PATH, content=content, headers=headers)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == (["body", field] if field else ["body"])


@pytest.mark.parametrize("headers", [{}, bearer("wrong")])
def test_missing_or_wrong_key_is_refused(
    caller: Caller, audio: AudioServer, headers: dict[str, str]
) -> None:
    body = {"audio_file_url": f"{audio.url}/track.webm"}

    answer = caller.call("modal", "POST", PATH, json=body, headers=headers)

    assert answer.status_code == 401
    assert audio.paths == []
