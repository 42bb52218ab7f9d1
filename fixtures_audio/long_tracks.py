"""Tracks of hours, written in seconds: only what sounds is encoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from fixtures_audio.meeting import Track, Word
from fixtures_audio.recorded_files import encode_packets
from fixtures_audio.tones import RATE_HZ, render
from fixtures_audio.webm import PACKET_MS, PRE_SKIP_MS, Sound

BEFORE = 10
AFTER = 4
"""Packets around a word: the decoder has settled when the word begins."""
PACKET_SAMPLES = RATE_HZ * PACKET_MS // 1000


def write_long_track(track: Track, path: Path, *, sound: Sound = render) -> None:
    """Write a track whose silence is one packet, repeated; otherwise as `write_track` does.

    Args:
        track: The track.
        path: The file.
        sound: Renders a part of the track, silent parts too; what it raises ends the writing.
    """
    first_ms = round(track.offset * 1000) - PRE_SKIP_MS
    muted = {
        packet
        for gap in track.gaps
        for packet in range(*(round(edge * 1000) // PACKET_MS for edge in gap))
    }
    options = {"fflags": "+bitexact", "avoid_negative_ts": "disabled"}
    with av.open(str(path), "w", format="webm", options=options) as container:
        stream = container.add_stream("libopus", rate=RATE_HZ, layout="mono")
        for number, content in enumerate(_contents(track, sound)):
            if number in muted:
                continue
            packet = av.Packet(content)
            packet.stream = stream
            packet.time_base = Fraction(1, 1000)
            packet.pts = packet.dts = first_ms + PACKET_MS * number
            packet.duration = PACKET_MS
            container.mux(packet)


def _contents(track: Track, sound: Sound) -> Iterator[bytes]:
    """Yield every packet of a track, gaps included."""
    silence = encode_packets(np.zeros(RATE_HZ, np.float32))[25]
    total = round(track.duration * 1000) // PACKET_MS
    at = 0
    for first, words in _spans(track):
        last = min(_packet(words[-1].end) + AFTER, total)
        yield from _silent(track, first - at, silence, sound)
        part = replace(_part(track, last - first), words=_shifted(words, first))
        yield from encode_packets(np.concatenate(list(sound(part))))[: last - first]
        at = last
    yield from _silent(track, total - at, silence, sound)


def _silent(track: Track, packets: int, silence: bytes, sound: Sound) -> Iterator[bytes]:
    if packets > 0:
        for block in sound(_part(track, packets)):
            yield from [silence] * round(block.size / PACKET_SAMPLES)


def _part(track: Track, packets: int) -> Track:
    seconds = packets * PACKET_MS / 1000
    return replace(track, offset=0.0, duration=seconds, gaps=(), words=())


def _shifted(words: list[Word], first: int) -> tuple[Word, ...]:
    begins = first * PACKET_MS / 1000
    return tuple(replace(one, start=one.start - begins, end=one.end - begins) for one in words)


def _spans(track: Track) -> Iterator[tuple[int, list[Word]]]:
    """Yield the first packet of each group of words that sound close together, and the words."""
    group: list[Word] = []
    for word in track.words:
        if group and _packet(word.start) - BEFORE > _packet(group[-1].end) + AFTER:
            yield max(0, _packet(group[0].start) - BEFORE), group
            group = []
        group.append(word)
    if group:
        yield max(0, _packet(group[0].start) - BEFORE), group


def _packet(seconds: float) -> int:
    return round(seconds * 1000) // PACKET_MS
