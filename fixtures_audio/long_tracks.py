"""Tracks of hours, written in seconds: only what sounds is encoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from fixtures_audio.meeting import Track, Word
from fixtures_audio.recorded_files import encode_packets, write_packets
from fixtures_audio.tones import RATE_HZ, render
from fixtures_audio.webm import PACKET_MS

BEFORE = 10
AFTER = 4
"""Packets around a word: the decoder has settled when the word begins."""


def write_long_track(track: Track, path: Path) -> None:
    """Write a track whose silence is one packet, repeated; otherwise as `write_track` does."""
    silence = encode_packets(np.zeros(RATE_HZ, np.float32))[25]
    contents = [silence] * (round(track.duration * 1000) // PACKET_MS)
    for first, words in _spans(track):
        last = min(_packet(words[-1].end) + AFTER, len(contents))
        begins = first * PACKET_MS / 1000
        part = replace(
            track,
            offset=0.0,
            duration=(last - first) * PACKET_MS / 1000,
            gaps=(),
            words=tuple(
                replace(word, start=word.start - begins, end=word.end - begins) for word in words
            ),
        )
        sound = np.concatenate(list(render(part)))
        contents[first:last] = encode_packets(sound)[: last - first]
    start = round(track.offset * 1000)
    muted = {
        packet
        for gap in track.gaps
        for packet in range(*(round(edge * 1000) // PACKET_MS for edge in gap))
    }
    packets = [
        (start + PACKET_MS * number, content)
        for number, content in enumerate(contents)
        if number not in muted
    ]
    path.write_bytes(write_packets([packets]))


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
