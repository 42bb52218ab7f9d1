"""Transcriber of fixture audio, the default of the Modal stand-in."""

from __future__ import annotations

from pathlib import Path

import av

import fixtures_audio
from trackproof.testbed.stand_ins.services.modal import TranscribedWord, UndecodableAudioError


def transcribe_file(path: Path) -> list[TranscribedWord]:
    """Return every word in an audio file, with times in seconds from its first sample.

    Raises:
        UndecodableAudioError: The file is no media, or has no audio stream.
    """
    try:
        words = fixtures_audio.detect_words_in_file(path, add_start_time=False)
    except (av.error.FFmpegError, ValueError) as error:
        raise UndecodableAudioError(str(error)) from error
    return [TranscribedWord(word.text, round(word.start, 3), round(word.end, 3)) for word in words]
