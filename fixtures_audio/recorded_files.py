"""Opus packets with freely chosen times, written as WebM."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
from av.audio.stream import AudioStream

from fixtures_audio.tones import RATE_HZ, Samples
from fixtures_audio.webm import BIT_RATE, PACKET_MS, PRE_SKIP_MS


def encode_packets(samples: Samples) -> list[bytes]:
    """Return samples as mono Opus packets of 20 ms."""
    encoder = av.AudioCodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE_HZ, "mono", "flt"
    encoder.bit_rate = BIT_RATE
    encoder.options = {"application": "audio", "compression_level": "6"}
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="flt", layout="mono")
    frame.sample_rate, frame.pts = RATE_HZ, 0
    return [bytes(packet) for part in (frame, None) for packet in encoder.encode(part)]


def write_packets(
    streams: Sequence[Sequence[tuple[int, bytes]]], *, live: bool = False, video: bool = False
) -> bytes:
    """Return a WebM file of Opus streams.

    Args:
        streams: For each stream, its packets with the time of their audible start in ms.
        live: Without duration and sizes, as a browser's MediaRecorder writes it.
        video: With a video stream before the audio.
    """
    file = BytesIO()
    options = {"fflags": "+bitexact", "avoid_negative_ts": "disabled"}
    with av.open(file, "w", format="webm", options=options | ({"live": "1"} if live else {})) as to:
        camera = to.add_stream("libvpx", rate=10) if video else None
        outputs: list[AudioStream] = []
        for _ in streams:
            output = to.add_stream("libopus", rate=RATE_HZ, layout="mono")
            assert isinstance(output, AudioStream)
            outputs.append(output)
        if camera is not None:
            camera.width = camera.height = 32
            camera.pix_fmt = "yuv420p"
            for nth in range(3):
                picture = av.VideoFrame.from_ndarray(np.full((48, 32), nth, np.uint8), "yuv420p")
                to.mux(camera.encode(picture))
            to.mux(camera.encode(None))
        queue = [
            (time, number, content)
            for number, packets in enumerate(streams)
            for time, content in packets
        ]
        for time, number, content in (
            sorted(queue, key=lambda each: each[0]) if len(streams) > 1 else queue
        ):
            packet = av.Packet(content)
            packet.stream = outputs[number]
            packet.time_base = Fraction(1, 1000)
            packet.pts = packet.dts = time - PRE_SKIP_MS
            packet.duration = PACKET_MS
            to.mux(packet)
    return file.getvalue()
