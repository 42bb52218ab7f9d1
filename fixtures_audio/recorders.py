"""The recorder zoo: named files as recorders really write them, each hard to read in one way.

Each exhibit states its truth: the words of each file at their meeting time. All are synthetic.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

import av
import numpy as np

from fixtures_audio.meeting import LEVEL, Meeting, Participant, Track, Word
from fixtures_audio.recorded_files import encode_packets, write_packets
from fixtures_audio.tones import RATE_HZ, WORD_SECONDS, render
from fixtures_audio.vocabulary import text_of
from fixtures_audio.webm import PACKET_MS

DRIFT = 0.001
"""Clock error of the drift exhibits, ten times 100 ppm, so that one minute shows it."""

JITTER_MS = (0, 9, -8, 15, 3, -14, 11, -5)
_COMFORT_NOISE_PACKETS = 20
_CLUSTER = b"\x1f\x43\xb6\x75"
_JUMP_MS = 3000
_PART_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Recording:
    """One file, and the words in it.

    Attributes:
        content: The file.
        tracks: Its words at their meeting time, one Track for each voice.
    """

    content: bytes
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A kind of hard recording.

    Attributes:
        description: What is hard about it.
        make: Makes its files for a track_index and an offset in seconds.
    """

    description: str
    make: Callable[[int, float], tuple[Recording, ...]]


def make_exhibit(name: str, *, index: int = 0, offset: float = 0.0) -> tuple[Recording, ...]:
    """Return the files of an exhibit.

    Args:
        name: One of RECORDERS.
        index: The track_index of its first voice, which decides band and words; further voices
            have the next ones.
        offset: Seconds from meeting start to the first sample of the first file.
    """
    return RECORDERS[name].make(index, offset)


def write_recorders(folder: str | Path) -> tuple[Meeting, list[Path]]:
    """Write a meeting whose tracks are one file each of MEETING_RECORDERS."""
    recordings: list[Recording] = []
    for name in MEETING_RECORDERS:
        index = len(recordings)
        recordings += make_exhibit(name, index=index, offset=0.5)
    tracks = tuple(recording.tracks[0] for recording in recordings)
    paths = [Path(folder, f"track-{track.index:02d}.webm") for track in tracks]
    for path, recording in zip(paths, recordings, strict=True):
        path.write_bytes(recording.content)
    return Meeting(0, tracks), paths


def speak(
    starts: Sequence[float], *, index: int, offset: float, seconds: float, level: float = LEVEL
) -> Track:
    """Return a track of distinct words at these starts, in seconds from its first sample."""
    words = tuple(
        Word(id_, text_of(id_), start, round(start + WORD_SECONDS, 3))
        for id_, start in enumerate(starts, start=1 + 16 * index % 200)
    )
    person = Participant(f"participant-{index}", f"Participant {index}", None)
    return Track(index, offset, seconds, words, (), level, person)


def _packets(track: Track) -> list[tuple[int, bytes]]:
    start = round(track.offset * 1000)
    contents = encode_packets(np.concatenate(list(render(track))))
    return [(start + PACKET_MS * nth, content) for nth, content in enumerate(contents)]


def _one(track: Track, packets: Sequence[tuple[int, bytes]], **how: bool) -> tuple[Recording, ...]:
    return (Recording(write_packets([packets], **how), (track,)),)


def _is_near_word(track: Track, nth: int, packets: int = 4) -> bool:
    """Return whether packet `nth` is needed to decode a word, with its neighbours."""
    at = nth * PACKET_MS / 1000
    margin = packets * PACKET_MS / 1000
    return any(word.start - margin < at < word.end + margin for word in track.words)


def _dtx(index: int, offset: float) -> tuple[Recording, ...]:
    track = speak([0.5, 8.013, 16.4, 23.5], index=index, offset=offset, seconds=24)
    kept = [
        packet
        for nth, packet in enumerate(_packets(track))
        if nth % _COMFORT_NOISE_PACKETS == 0 or _is_near_word(track, nth)
    ]
    return _one(track, kept)


def drifting(index: int, offset: float, *, drift: float, seconds: float) -> tuple[Recording, ...]:
    """Return a recording whose time stamps run faster than its samples by `drift`.

    Silence is encoded once, so that an hour takes a second to write.
    """
    starts = [0.5, seconds / 2, seconds - 1.5, seconds - 0.5]
    start_ms = offset * 1000
    silence = encode_packets(np.zeros(RATE_HZ, np.float32))[25]
    contents = [silence] * round(seconds * 1000 / PACKET_MS)
    words = speak(starts, index=index, offset=offset, seconds=seconds)
    for word in words.words:
        first = max(0, round(word.start * 1000 / PACKET_MS) - 10)
        alone = speak([word.start - first * PACKET_MS / 1000], index=index, offset=0, seconds=0.5)
        alone = replace(alone, words=(replace(alone.words[0], id=word.id, text=word.text),))
        spoken = encode_packets(np.concatenate(list(render(alone))))
        contents[first : first + 25] = spoken[:25]
    packets = [
        (round(start_ms + PACKET_MS * nth * (1 + drift)), content)
        for nth, content in enumerate(contents)
    ]
    heard = tuple(
        replace(word, start=word.start * (1 + drift), end=word.end * (1 + drift))
        for word in words.words
    )
    return _one(replace(words, words=heard, duration=seconds * (1 + drift)), packets)


def _live(index: int, offset: float) -> tuple[Recording, ...]:
    track = speak([0.5, 2.1, 5.3], index=index, offset=offset, seconds=6)
    return _one(track, _packets(track), live=True)


def _jump_back(index: int, offset: float) -> tuple[Recording, ...]:
    track = speak([0.5, 4.1, 5.7, 7.3], index=index, offset=offset, seconds=8)
    later = offset + _JUMP_MS / 1000  # no time may become negative
    packets = _packets(replace(track, offset=later))
    content = bytearray(write_packets([packets], live=True))
    clusters = [match.start() for match in re.finditer(re.escape(_CLUSTER), content)]
    for nth, cluster in enumerate(clusters):
        at = content.index(b"\xe7", cluster)
        size = content[at + 1] & 0x7F
        back = _JUMP_MS if nth == 0 else _JUMP_MS + 2000
        time = int.from_bytes(content[at + 2 : at + 2 + size], "big") - back
        content[at + 2 : at + 2 + size] = max(0, time).to_bytes(size, "big")
    return (Recording(bytes(content), (track,)),)


def _jitter(index: int, offset: float) -> tuple[Recording, ...]:
    track = speak([0.5, 4.1, 7.7, 11.3], index=index, offset=offset, seconds=12)
    shifted = [
        (time + JITTER_MS[nth % len(JITTER_MS)], content)
        for nth, (time, content) in enumerate(_packets(track))
    ]
    return _one(track, shifted)


def _lost_packets(index: int, offset: float) -> tuple[Recording, ...]:
    track = speak([0.5, 3.3, 6.1, 8.9], index=index, offset=offset, seconds=10)
    kept = [
        packet
        for nth, packet in enumerate(_packets(track))
        if nth % 12 not in {5, 6, 7} or _is_near_word(track, nth)
    ]
    return _one(track, kept)


def _rate_change(index: int, offset: float) -> tuple[Recording, ...]:
    """MP3 in Matroska: mono at 44.1 kHz, then stereo at 48 kHz."""
    track = speak([0.5, 1.5, 2.5, 3.5], index=index, offset=offset, seconds=2 * _PART_SECONDS)
    samples = np.concatenate(list(render(track)))
    file = BytesIO()
    with av.open(file, "w", format="matroska", options={"fflags": "+bitexact"}) as output:
        stream = output.add_stream("libmp3lame", rate=44_100, layout="mono")
        for nth, (rate, layout) in enumerate(((44_100, "mono"), (48_000, "stereo"))):
            part = samples[round(nth * _PART_SECONDS * RATE_HZ) :][: round(_PART_SECONDS * RATE_HZ)]
            encoder = av.AudioCodecContext.create("libmp3lame", "w")
            encoder.sample_rate, encoder.layout, encoder.format = rate, layout, "fltp"
            encoder.bit_rate = 128_000
            frame = av.AudioFrame.from_ndarray(part[np.newaxis], format="flt", layout="mono")
            frame.sample_rate, frame.pts = RATE_HZ, 0
            resampler = av.AudioResampler("fltp", layout, rate, 1152)
            parts = [*resampler.resample(frame), *resampler.resample(None), None]
            contents = [bytes(packet) for each in parts for packet in encoder.encode(each)]
            # An encoder delay of 1105 samples: the first packet's time is as much before the part.
            start = offset + nth * _PART_SECONDS + (0 if nth == 0 else -1105 / rate)
            for number, content in enumerate(contents[: int(_PART_SECONDS * rate / 1152) - 1]):
                packet = av.Packet(content)
                packet.stream = stream
                packet.time_base = Fraction(1, 1000)
                packet.pts = packet.dts = round((start + number * 1152 / rate) * 1000)
                packet.duration = round(1152 / rate * 1000)
                output.mux(packet)
    # In the first part the delay is heard: words are later than their time in the source.
    late = 1105 / 44_100
    words = tuple(
        replace(word, start=word.start + (late if word.start < _PART_SECONDS else 0))
        for word in track.words
    )
    return (Recording(file.getvalue(), (replace(track, words=words),)),)


def _two_streams(index: int, offset: float) -> tuple[Recording, ...]:
    first = speak([0.5, 2.1], index=index, offset=offset, seconds=4)
    second = speak([0.3, 1.3], index=index + 1, offset=offset + 1.5, seconds=2)
    content = write_packets([_packets(first), _packets(second)])
    return (Recording(content, (first, second)),)


def _rejoin(index: int, offset: float) -> tuple[Recording, ...]:
    first = speak([0.5, 1.3], index=index, offset=offset, seconds=2)
    again = speak([0.4, 1.2], index=index + 1, offset=offset + 4.321, seconds=2)
    return (*_one(first, _packets(first)), *_one(again, _packets(again)))


def _new_file_at_unmute(index: int, offset: float) -> tuple[Recording, ...]:
    tracks = [
        speak([0.2], index=index + nth, offset=offset + start, seconds=0.6)
        for nth, start in enumerate((0.0, 1.64, 2.5))
    ]
    return tuple(recording for track in tracks for recording in _one(track, _packets(track)))


def _loudspeaker_bleed(index: int, offset: float) -> tuple[Recording, ...]:
    own = speak([0.5, 2.1], index=index, offset=offset, seconds=4)
    other = speak([1.2, 3.1], index=index + 1, offset=offset, seconds=4, level=LEVEL / 8)
    sound = np.add(*(np.concatenate(list(render(track))) for track in (own, other)))
    start = round(offset * 1000)
    packets = [
        (start + PACKET_MS * nth, content) for nth, content in enumerate(encode_packets(sound))
    ]
    return (Recording(write_packets([packets]), (own, other)),)


def _video_beside(index: int, offset: float) -> tuple[Recording, ...]:
    track = speak([0.5, 2.1, 3.3], index=index, offset=offset, seconds=4)
    return _one(track, _packets(track), video=True)


RECORDERS: Mapping[str, Exhibit] = MappingProxyType(
    {
        "dtx": Exhibit("silence as one packet of comfort noise every 400 ms", _dtx),
        "drift-plus": Exhibit(
            "time stamps 0.1 % faster than samples: in a minute what 100 ppm are in ten",
            lambda index, offset: drifting(index, offset, drift=DRIFT, seconds=60),
        ),
        "drift-minus": Exhibit(
            "time stamps 0.1 % slower than samples",
            lambda index, offset: drifting(index, offset, drift=-DRIFT, seconds=60),
        ),
        "live": Exhibit("no duration and no sizes, as a browser writes WebM", _live),
        "jump-back": Exhibit("times that jump back by 2 s, as after a restarted clock", _jump_back),
        "jitter": Exhibit("packet times up to 15 ms early or late", _jitter),
        "lost-packets": Exhibit("three packets of twelve are lost in pauses", _lost_packets),
        "rate-change": Exhibit("44.1 kHz mono, then 48 kHz stereo in one file", _rate_change),
        "two-streams": Exhibit("two audio streams in one file, the second later", _two_streams),
        "rejoin": Exhibit("one person leaves and comes back: two files", _rejoin),
        "new-file-at-unmute": Exhibit(
            "a new file at each unmute: three files", _new_file_at_unmute
        ),
        "loudspeaker-bleed": Exhibit(
            "another voice, 18 dB quieter, from a loudspeaker", _loudspeaker_bleed
        ),
        "video-beside": Exhibit("a video stream before the audio", _video_beside),
    }
)
"""By name; `trackproof fixtures recorder NAME` writes the files of one."""

MEETING_RECORDERS = (
    *("dtx", "live", "jump-back", "jitter", "lost-packets"),
    *("rejoin", "new-file-at-unmute", "video-beside"),
)
"""The exhibits of `write_recorders`: one voice in each file, and short."""
