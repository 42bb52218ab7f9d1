"""Open hostile audio and hand out its frames with sample-exact times.

WebM keeps times in whole milliseconds, and the first decoded frame is shifted by the
pre-skip, so frame times as libav gives them are off by up to a millisecond. Packet times
are exact on Opus' 20 ms grid: positions here are counted from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from reference_workers.errors import PermanentError, TransientError

RATE = 48_000
"""Samples a second of everything this package makes."""

JITTER_SAMPLES = RATE // 200
"""Times may wobble by 5 ms (container rounding) before it counts as a gap."""

_OPEN_OPTIONS = {
    "reconnect": "1",
    "reconnect_streamed": "1",
    "reconnect_delay_max": "30",
    # Without these two, a 503 on reconnecting silently truncates the audio.
    "reconnect_on_network_error": "1",
    "reconnect_on_http_error": "5xx",
    # A playlist or a file name inside hostile media must not reach other protocols.
    "protocol_whitelist": "file,http,https,tcp,tls",
}


@contextmanager
def opened(source: str) -> Iterator[tuple[InputContainer, AudioStream]]:
    """Open `source` (URL or path) and yield its container and first audio stream.

    Raises:
        PermanentError: It is no media, or has no audio stream.
        TransientError: It cannot be reached now.
    """
    # Only a remote source takes the HTTP options; a file refuses options it does not know.
    options = _OPEN_OPTIONS if "://" in source else {}
    try:
        container = av.open(source, options=options)
    except (av.error.InvalidDataError, av.error.HTTPClientError, FileNotFoundError) as error:
        raise PermanentError(f"audio cannot be opened: {_cause(error)}") from error
    except OSError as error:
        raise TransientError(f"audio cannot be reached: {_cause(error)}") from error
    with container:
        if not container.streams.audio:
            raise PermanentError("the media has no audio stream")
        yield container, container.streams.audio[0]


def start_time(stream: AudioStream) -> Fraction:
    """Return a stream's offset in seconds; 0 where it is missing, invalid or negative."""
    if stream.start_time is None or stream.time_base is None:
        return Fraction(0)
    return max(Fraction(0), stream.start_time * stream.time_base)


def layout_of(stream: AudioStream) -> str:
    """Return the channel layout a stream is handed out in: mono as it is, all else as stereo."""
    return "mono" if stream.channels == 1 else "stereo"


def frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """Yield 48 kHz float frames; pts counts samples from the first audible one.

    A jump of pts between two frames is a gap in the packets (a muted participant).

    Raises:
        PermanentError: The media breaks off or is damaged.
    """
    resampler = AudioResampler(format="fltp", layout=layout_of(stream), rate=RATE)
    position = 0
    try:
        for elapsed, frame in _timed(container, stream):
            expected = round(elapsed * RATE)
            if expected > position + JITTER_SAMPLES:
                position = expected
            for out in resampler.resample(frame):
                yield _at(out, position)
                position += out.samples
        for out in resampler.resample(None):
            yield _at(out, position)
            position += out.samples
    except av.error.FFmpegError as error:
        raise PermanentError(
            f"audio breaks off after {position / RATE:.3f} s: {_cause(error)}"
        ) from error


def _timed(container: InputContainer, stream: AudioStream) -> Iterator[tuple[Fraction, AudioFrame]]:
    """Yield each decoded frame with its seconds since the first audible sample."""
    is_opus = stream.codec_context.name in {"opus", "libopus"}
    # Opus: packet times are exact, and all audible positions lie one pre-skip earlier.
    skipped = Fraction(stream.codec_context.delay, RATE) if is_opus else Fraction(0)
    origin: Fraction | None = None
    for packet in container.demux(stream):
        for frame in packet.decode():
            pts = packet.pts if is_opus else frame.pts
            time_base = packet.time_base if is_opus else frame.time_base
            if pts is None or time_base is None:
                yield Fraction(0), frame  # no time of its own: it follows its predecessor
                continue
            if origin is None:
                origin = pts * time_base
            yield pts * time_base - origin - skipped, frame


def _at(frame: AudioFrame, position: int) -> AudioFrame:
    frame.pts = position
    frame.time_base = Fraction(1, RATE)
    return frame


def _cause(error: Exception) -> str:
    # libav puts the URL into its messages, and a presigned URL holds a signature.
    return getattr(error, "strerror", None) or type(error).__name__
