"""Silent tracks of any length, written in seconds: their words come from another transcriber."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from fixtures_audio import RATE_HZ
from fixtures_audio.webm import PRE_SKIP_MS
from trackproof.testbed.stand_ins.services.modal import TranscribedWord

PACKET_MS = 60
_MARK = re.compile(rb"silent track (\d\d)")


def write_silent_tracks(folder: Path, *, tracks: int, seconds: int) -> list[Path]:
    """Write one WebM/Opus file a track, equal but for their titles."""
    first = folder / "track-00.webm"
    _write_silence(first, seconds)
    content = first.read_bytes()
    paths = [folder / f"track-{index:02d}.webm" for index in range(tracks)]
    for index, path in enumerate(paths):
        path.write_bytes(_MARK.sub(b"silent track %02d" % index, content))
    return paths


def track_index_in(path: Path) -> int:
    """Return the number in a track's title."""
    match = _MARK.search(path.read_bytes())
    assert match, "not a file of write_silent_tracks"
    return int(match[1])


def spoken_by_turns(count: int, tracks: int, seconds: float) -> list[tuple[int, TranscribedWord]]:
    """Return words that the tracks speak in turn, in the order of time, with their tracks."""
    step = seconds / count
    return [
        (
            nth % tracks,
            TranscribedWord(f"w{nth}", round(nth * step, 3), round((nth + 0.9) * step, 3)),
        )
        for nth in range(count)
    ]


def _write_silence(path: Path, seconds: int) -> None:
    """Write silence by repeating the packets of its first seconds."""
    with av.open(str(path), "w", format="webm", options={"fflags": "+bitexact"}) as container:
        container.metadata["title"] = "silent track 00"
        stream = container.add_stream(
            "libopus", rate=RATE_HZ, layout="mono", options={"frame_duration": str(PACKET_MS)}
        )
        stream.bit_rate = 6_000
        silence = np.zeros((1, RATE_HZ), dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="flt", layout="mono")
        frame.sample_rate = RATE_HZ
        contents = [bytes(packet) for packet in (*stream.encode(frame), *stream.encode(None))]
        for nth in range(seconds * 1000 // PACKET_MS):
            packet = av.Packet(contents[min(nth, len(contents) - 2)])
            packet.stream = stream
            packet.time_base = Fraction(1, 1000)
            packet.pts = packet.dts = nth * PACKET_MS - PRE_SKIP_MS
            packet.duration = PACKET_MS
            container.mux(packet)
