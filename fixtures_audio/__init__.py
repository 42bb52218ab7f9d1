"""Synthetic multitrack meetings whose audio carries its own words, and the ear that hears them.

`make_meeting` decides who says which word when; `write_meeting` puts it on disk as a recorder
would, one WebM/Opus file a track with its offset and its gaps; `hear_file` and `hear` read the
words back from any track or mix. A wrong pad, a lost track or a swapped speaker then shows as
text, and nothing downstream can be faked.
"""

from fixtures_audio.alignment import lateness_samples
from fixtures_audio.audio_file import Audio, hear_file, read_audio
from fixtures_audio.bands import BANDS, band_of, track_of
from fixtures_audio.meeting import (
    LEVEL,
    MAX_TRACKS,
    Meeting,
    Participant,
    SpokenWord,
    Track,
    Word,
    make_meeting,
)
from fixtures_audio.named_meetings import GALLERY, Exhibit, exhibit
from fixtures_audio.tones import RATE_HZ, render, word_samples
from fixtures_audio.truth import truth_of
from fixtures_audio.vocabulary import TRACERS, VOCABULARY, id_of, text_of
from fixtures_audio.webm import write_meeting, write_track
from fixtures_audio.word_detector import HeardWord, hear, hear_blocks

__all__ = [
    "BANDS",
    "GALLERY",
    "LEVEL",
    "MAX_TRACKS",
    "RATE_HZ",
    "TRACERS",
    "VOCABULARY",
    "Audio",
    "Exhibit",
    "HeardWord",
    "Meeting",
    "Participant",
    "SpokenWord",
    "Track",
    "Word",
    "band_of",
    "exhibit",
    "hear",
    "hear_blocks",
    "hear_file",
    "id_of",
    "lateness_samples",
    "make_meeting",
    "read_audio",
    "render",
    "text_of",
    "track_of",
    "truth_of",
    "word_samples",
    "write_meeting",
    "write_track",
]
