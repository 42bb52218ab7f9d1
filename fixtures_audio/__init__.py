"""Synthetic multitrack meetings with a known truth, and the detector that reads it back from audio.

`make_meeting` generates tracks and words from a seed. `write_meeting` encodes one WebM/Opus file
per track, with its offset and gaps, as a recorder does. `detect_words` and `detect_words_in_file`
recover the words from any track or mix, so a wrong pad, a lost track or a swapped speaker changes
the detected text.
"""

from fixtures_audio.alignment import word_delay_samples
from fixtures_audio.audio_file import Audio, detect_words_in_file, read_audio
from fixtures_audio.bands import BANDS, band_of, track_of
from fixtures_audio.meeting import (
    LEVEL,
    MAX_SECONDS,
    MAX_TRACKS,
    Meeting,
    Participant,
    SpokenWord,
    Track,
    Word,
    make_meeting,
)
from fixtures_audio.named_meetings import NAMED_MEETINGS, NamedMeeting, make_named_meeting
from fixtures_audio.tones import RATE_HZ, render, word_samples
from fixtures_audio.truth import truth_of
from fixtures_audio.vocabulary import TRACERS, VOCABULARY, text_of
from fixtures_audio.webm import write_meeting, write_track
from fixtures_audio.word_detector import DetectedWord, detect_words, detect_words_in_blocks

__all__ = [
    "BANDS",
    "LEVEL",
    "MAX_SECONDS",
    "MAX_TRACKS",
    "NAMED_MEETINGS",
    "RATE_HZ",
    "TRACERS",
    "VOCABULARY",
    "Audio",
    "DetectedWord",
    "Meeting",
    "NamedMeeting",
    "Participant",
    "SpokenWord",
    "Track",
    "Word",
    "band_of",
    "detect_words",
    "detect_words_in_blocks",
    "detect_words_in_file",
    "make_meeting",
    "make_named_meeting",
    "read_audio",
    "render",
    "text_of",
    "track_of",
    "truth_of",
    "word_delay_samples",
    "word_samples",
    "write_meeting",
    "write_track",
]
