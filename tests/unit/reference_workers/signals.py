"""Audio files that no recorder of ours would write, and the words heard from files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from fixtures_audio import RATE_HZ, DetectedWord, SpokenWord, Track, band_of, render
from tests.unit.background import in_background

Samples = NDArray[np.float32]


def samples_of(track: Track) -> Samples:
    """Return a track's sound without its offset; gaps are silence."""
    return np.concatenate(list(render(track)))


def write_sound(
    samples: Samples, path: Path, *, codec: str = "libopus", rate: int = RATE_HZ, channels: int = 1
) -> Path:
    """Encode the same samples into every channel; `samples` are at 48 kHz whatever `rate` is."""
    layout = "mono" if channels == 1 else "stereo"
    with av.open(str(path), "w") as container:
        # libav's own Vorbis encoder has to be asked for.
        options = {"strict": "experimental"} if codec == "vorbis" else {}
        stream = container.add_stream(codec, rate=rate, layout=layout, options=options)
        assert isinstance(stream, AudioStream)
        if codec != "pcm_s16le":
            stream.bit_rate = 128_000
        sound = np.repeat(samples[np.newaxis].astype(np.float32), channels, axis=0)
        frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout=layout)
        frame.sample_rate = RATE_HZ
        frame.time_base = Fraction(1, RATE_HZ)
        frame.pts = 0
        to_its_format = av.AudioResampler(
            format=stream.codec_context.format.name, layout=layout, rate=rate
        )
        for ready in [*to_its_format.resample(frame), *to_its_format.resample(None)]:
            container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return path


def silence(seconds: float) -> Samples:
    """Return so much silence."""
    return np.zeros(round(seconds * RATE_HZ), dtype=np.float32)


def write_picture(path: Path) -> Path:
    """Write a WebM that has video and no audio."""
    with av.open(str(path), "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=Fraction(1))
        stream.width = stream.height = 16
        picture = av.VideoFrame(16, 16, "yuv420p")
        for packet in [*stream.encode(picture), *stream.encode(None)]:
            container.mux(packet)
    return path


def said(track: Track) -> list[tuple[str, float]]:
    """Return a track's words with their seconds from the meeting's start."""
    return [(word.text, round(track.offset + word.start, 3)) for word in track.words]


def in_track(track: Track, heard: Iterable[DetectedWord]) -> list[DetectedWord]:
    """Return the words heard in a track's band."""
    return [word for word in heard if word.band == band_of(track.index)]


def assert_heard(
    expected: Iterable[tuple[str, float]] | Iterable[SpokenWord],
    heard: Iterable[DetectedWord],
    *,
    within: float,
) -> None:
    """Hold what is heard against what was said: every word, no other, each in its place."""
    wanted = [
        (word.text, word.start) if isinstance(word, SpokenWord) else word for word in expected
    ]
    found = [(word.text, word.start) for word in heard]
    assert [text for text, _ in found] == [text for text, _ in wanted]
    errors = [abs(at - start) for (_, at), (_, start) in zip(found, wanted, strict=True)]
    assert max(errors, default=0.0) <= within


@contextmanager
def breaking_server(content: bytes, *, then: int) -> Iterator[str]:
    """Serve a half of `content` once and break off; answer every later request with `then`."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if len(asked) > 1 or not content:
                self.send_error(then)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Accept-Ranges", "bytes")
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, in_background(server):
        yield f"http://127.0.0.1:{server.server_port}/track.webm?X-Amz-Signature=secret"
