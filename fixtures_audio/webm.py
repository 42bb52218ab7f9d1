"""Encoding of tracks as WebM/Opus files, one per participant, as a recorder writes them.

A track's `offset` (seconds from meeting start to its first audible sample) is the audio stream's
`start_time` as libav shows it, exactly, in whole milliseconds. Opus encoders put 312 samples
(6.5 ms) of pre-skip before the first audible sample; libav counts `start_time` after that skip
and rounds to the 1 ms time base of WebM. The first packet's timestamp is therefore 7 ms before the
offset, as libav's own muxer writes it for a stream that starts at 0.

All further packets lie on a grid of 20 ms from the first, so a gap is exactly as long as its
missing packets. Relative to the first audible sample, a packet's samples start at
`(packet_pts - first_packet_pts) * 48000 - 312`. A gap has no packets at all: a reader that
concatenates packets without their timestamps is early after it.
"""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream

from fixtures_audio.meeting import Meeting, Track
from fixtures_audio.tones import RATE_HZ, Samples, render

PACKET_MS = 20
PRE_SKIP_MS = 7
"""The pre-skip of 6.5 ms, rounded to the 1 ms time base of WebM."""

BIT_RATE = 32_000
_COMPLEXITY = 6
"""From 7 on, libopus classifies speech and music and drops the treble of speech."""


Sound = Callable[[Track], Iterator[Samples]]
"""Renders a track's samples in blocks, from its first sample to its last."""


def write_meeting(meeting: Meeting, folder: Path, *, sound: Sound = render) -> list[Path]:
    """Write every track to `folder` and return the paths in order of track_index."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for track in meeting.tracks:
        path = folder / f"track-{track.index:02d}.webm"
        write_track(track, path, sound=sound)
        paths.append(path)
    return paths


def write_track(track: Track, path: Path, *, sound: Sound = render) -> None:
    """Encode a track as Opus (32 kb/s, mono, 20 ms packets) in WebM, without packets in gaps.

    The same track always gives the same bytes.

    Raises:
        ValueError: A gap is not a multiple of 20 ms.
    """
    muted = _muted_packets(track)
    first_ms = round(track.offset * 1000) - PRE_SKIP_MS
    with av.open(str(path), "w", format="webm", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(
            "libopus",
            rate=RATE_HZ,
            layout="mono",
            options={
                "application": "audio",
                "frame_duration": str(PACKET_MS),
                "compression_level": str(_COMPLEXITY),
            },
        )
        stream.bit_rate = BIT_RATE
        for nth, packet in enumerate(_packets(stream, sound(track))):
            if nth in muted:
                continue
            packet.time_base = Fraction(1, 1000)
            packet.pts = packet.dts = first_ms + PACKET_MS * nth
            packet.duration = PACKET_MS
            container.mux(packet)


def _muted_packets(track: Track) -> frozenset[int]:
    """Return the packet numbers within gaps."""
    muted: set[int] = set()
    for gap in track.gaps:
        first, last = (round(edge * 1000) for edge in gap)
        if first % PACKET_MS or last % PACKET_MS:
            raise ValueError(f"gap {gap} of track {track.index} is off the {PACKET_MS} ms grid")
        muted.update(range(first // PACKET_MS, last // PACKET_MS))
    return frozenset(muted)


def _packets(stream: AudioStream, blocks: Iterable[Samples]) -> Iterator["av.Packet[AudioStream]"]:
    """Encode blocks of any size and flush the encoder."""
    sent = 0
    for samples in blocks:
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="flt", layout="mono")
        frame.sample_rate = RATE_HZ
        frame.time_base = Fraction(1, RATE_HZ)
        frame.pts = sent
        sent += samples.size
        yield from stream.encode(frame)
    yield from stream.encode(None)
