"""Writers of unusual WebM tracks: finer clocks, lost packets, jitter, jumps, two channels."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from fixtures_audio import RATE_HZ

PACKET_MS = 20
PRE_SKIP_MS = 7
"""6.5 ms, rounded by libav to WebM's milliseconds."""

_MODES = {"celt": ("audio", 96_000), "hybrid": ("voip", 24_000), "silk": ("voip", 8_000)}
"""libopus application and bit rate that select each mode."""

_CLUSTER = b"\x1f\x43\xb6\x75"
_SCALE_1_MS = b"\x2a\xd7\xb1\x83" + (1_000_000).to_bytes(3, "big")
_SCALE_HALF_MS = b"\x2a\xd7\xb1\x83" + (500_000).to_bytes(3, "big")


def write_opus(
    channels: Sequence[NDArray[np.float32]],
    path: Path,
    *,
    offset_ms: int = 0,
    lost: Callable[[int], bool] = lambda _: False,
    shift_ms: Callable[[int], int] = lambda _: 0,
    live: bool = False,
    mode: str = "celt",
) -> Path:
    """Write 48 kHz samples as WebM/Opus, the first audible one at `offset_ms`.

    Args:
        channels: One or two, of the same length.
        path: Target.
        offset_ms: Offset of the track.
        lost: Whether a packet (by number) is lost.
        shift_ms: Deviation of a packet's time.
        mode: Opus mode.
        live: Without duration and sizes, like a browser's MediaRecorder.
    """
    application, bit_rate = _MODES[mode]
    options = {"live": "1"} if live else {}
    with av.open(str(path), "w", format="webm", options=options) as container:
        stream = container.add_stream(
            "libopus",
            rate=RATE_HZ,
            layout="mono" if len(channels) == 1 else "stereo",
            options={"application": application, "frame_duration": str(PACKET_MS)},
        )
        assert isinstance(stream, AudioStream)
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(
            np.stack(channels).astype(np.float32), format="fltp", layout=stream.layout.name
        )
        frame.sample_rate = RATE_HZ
        frame.pts = 0
        to_packed = av.AudioResampler(format="flt", layout=stream.layout.name, rate=RATE_HZ)
        packets = [p for packed in to_packed.resample(frame) for p in stream.encode(packed)]
        packets += stream.encode(None)
        assert _mode_of(bytes(packets[0])) == mode
        for nth, packet in enumerate(packets):
            if lost(nth):
                continue
            packet.time_base = Fraction(1, 1000)
            packet.pts = packet.dts = offset_ms - PRE_SKIP_MS + PACKET_MS * nth + shift_ms(nth)
            packet.duration = PACKET_MS
            container.mux(packet)
    return path


def in_half_milliseconds(path: Path, *, offset_half_ms: int) -> Path:
    """Rewrite a WebM with a clock of half milliseconds and an offset in these units."""
    with av.open(str(path)) as source:
        packets = [packet for packet in source.demux() if packet.pts is not None]
        fine = path.with_stem(f"{path.stem}-fine")
        with av.open(str(fine), "w", format="webm") as target:
            stream = target.add_stream_from_template(source.streams.audio[0])
            first = packets[0].pts or 0
            for packet in packets:
                ticks = 2 * ((packet.pts or 0) - first) + offset_half_ms - PRE_SKIP_MS
                packet.stream = stream
                packet.pts = packet.dts = ticks
                packet.duration = 2 * PACKET_MS
                target.mux(packet)
    content = fine.read_bytes()
    assert content.count(_SCALE_1_MS) == 1
    fine.write_bytes(content.replace(_SCALE_1_MS, _SCALE_HALF_MS))
    return fine


def turned_back(path: Path, by_ms: int) -> Path:
    """Move the times of a WebM back from its second cluster on; no muxer writes such times."""
    content = bytearray(path.read_bytes())
    clusters = [match.start() for match in re.finditer(re.escape(_CLUSTER), content)]
    assert len(clusters) > 1
    for cluster in clusters[1:]:
        at = content.index(b"\xe7", cluster)
        size = content[at + 1] & 0x7F
        time = int.from_bytes(content[at + 2 : at + 2 + size], "big") - by_ms
        content[at + 2 : at + 2 + size] = time.to_bytes(size, "big")
    path.write_bytes(content)
    return path


def _mode_of(packet: bytes) -> str:
    config = packet[0] >> 3
    return "silk" if config < 12 else "hybrid" if config < 16 else "celt"
