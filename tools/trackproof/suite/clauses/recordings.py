"""Audio files: encoded as recorders and browsers write them, and decoded again."""

from __future__ import annotations

import io
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from av.audio.stream import AudioStream

from fixtures_audio import RATE_HZ, Track, write_track
from trackproof.suite.clauses.signals import Samples


@cache
def record_webm(track: Track) -> bytes:
    """Return a track as a recorder's WebM file.

    Cached, because encoding takes longer than the task in most clauses.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder, "track.webm")
        write_track(track, path)
        return path.read_bytes()


def encode(
    samples: Samples,
    *,
    container: str = "webm",
    codec: str = "libopus",
    rate: int = RATE_HZ,
    start: Fraction = Fraction(0),
    live: bool = False,
    bit_rate: int = 0,
    bare: bool = False,
) -> bytes:
    """Return samples as an audio file.

    Args:
        samples: One or two channels.
        container: libav's name of the container format.
        codec: libav's name of the encoder.
        rate: Sample rate of the file, in Hz.
        start: Shift of every timestamp, in seconds; negative only if the container supports it.
        live: Without duration and sizes, as a browser's MediaRecorder writes WebM.
        bit_rate: In bits a second; 64,000 for each channel by default.
        bare: An MP3 without the tags that say its length.
    """
    file = io.BytesIO()
    layout = "mono" if len(samples) == 1 else "stereo"
    options = {"avoid_negative_ts": "disabled"} | ({"live": "1"} if live else {})
    if bare:
        options |= {"write_xing": "0", "id3v2_version": "0"}
    with av.open(file, "w", format=container, options=options) as output:
        # libav marks its own Vorbis encoder as experimental.
        stream = output.add_stream(codec, rate=rate, layout=layout, options={"strict": "-2"})
        assert isinstance(stream, AudioStream)
        stream.bit_rate = bit_rate or 64_000 * len(samples)
        resampler = av.AudioResampler(stream.format.name, layout, rate, stream.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", layout)
        frame.sample_rate = RATE_HZ
        frame.pts = 0
        for part in (*resampler.resample(frame), *resampler.resample(None), None):
            for packet in stream.encode(part):
                shift = round(start / packet.time_base)
                packet.pts = (packet.pts or 0) + shift
                packet.dts = packet.pts
                output.mux(packet)
    return file.getvalue()


def video_without_audio() -> bytes:
    """Return a WebM file with a video stream only: a camera without a microphone."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as output:
        stream = output.add_stream("libvpx", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for shade in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((96, 64), shade, np.uint8), "yuv420p")
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def decode(content: bytes) -> Samples:
    """Return a file's samples at 48 kHz, starting with the decoder's first sample."""
    with av.open(io.BytesIO(content), "r") as file:
        stream = file.streams.audio[0]
        resampler = av.AudioResampler("fltp", stream.layout, RATE_HZ)
        parts = [
            part.to_ndarray()
            for frame in (*file.decode(stream), None)
            for part in resampler.resample(frame)
        ]
        channels = stream.channels
    return np.concatenate([np.zeros((channels, 0), np.float32), *parts], axis=1)


def read_start_time(content: bytes) -> float:
    """Return the audio stream's start_time in seconds; 0 if the file has none."""
    with av.open(io.BytesIO(content), "r") as file:
        stream = file.streams.audio[0]
        return float((stream.start_time or 0) * (stream.time_base or 0))


def read_format(content: bytes) -> tuple[str, str]:
    """Return libav's names of a file's container and audio codec."""
    with av.open(io.BytesIO(content), "r") as file:
        return file.format.name, file.streams.audio[0].codec_context.name
