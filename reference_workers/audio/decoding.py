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

from reference_workers import metering
from reference_workers.errors import PermanentError, TransientError, WorkerError

RATE = 48_000
"""Samples a second of everything this package makes."""

JITTER_SAMPLES = RATE // 200
"""Times may wobble by 5 ms (container rounding) before it counts as a gap."""

_MISSING_SECONDS = Fraction(1, 2)
"""Audio may end this much before the end its container declares."""

_OPEN_OPTIONS = {
    "reconnect": "1",
    "reconnect_streamed": "1",
    "reconnect_delay_max": "30",
    # Without these two, a 503 on reconnecting silently truncates the audio.
    "reconnect_on_network_error": "1",
    "reconnect_on_http_error": "5xx",
    # Microseconds without a byte; libav's own default is to wait for ever.
    "rw_timeout": "20000000",
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
    except av.error.FFmpegError as error:
        raise _failure("audio cannot be opened", error) from error
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
        PermanentError: The media is damaged.
        TransientError: The connection is lost, or the audio ends before its declared end:
            libav takes a connection that cannot be resumed for the end of the file.
    """
    resampler = AudioResampler(format="fltp", layout=layout_of(stream), rate=RATE)
    position = 0
    try:
        for elapsed, frame in _timed(container, stream):
            expected = round(elapsed * RATE)
            if expected > position + JITTER_SAMPLES:
                position = expected
            if frame.sample_rate:
                metering.decoded(frame.samples / frame.sample_rate)
            for out in resampler.resample(frame):
                yield _at(out, position)
                position += out.samples
        for out in resampler.resample(None):
            yield _at(out, position)
            position += out.samples
    except av.error.FFmpegError as error:
        raise _failure(f"audio breaks off after {position / RATE:.3f} s", error) from error


def _timed(container: InputContainer, stream: AudioStream) -> Iterator[tuple[Fraction, AudioFrame]]:
    """Yield each decoded frame with its seconds since the first audible sample."""
    is_opus = stream.codec_context.name in {"opus", "libopus"}
    # Opus: packet times are exact, and all audible positions lie one pre-skip earlier.
    skipped = Fraction(stream.codec_context.delay, RATE) if is_opus else Fraction(0)
    origin: Fraction | None = None
    end = Fraction(0)
    for packet in container.demux(stream):
        metering.read_audio(packet.size)
        if packet.pts is not None and packet.time_base is not None:
            end = (packet.pts + (packet.duration or 0)) * packet.time_base
        for frame in packet.decode():
            pts = packet.pts if is_opus else frame.pts
            time_base = packet.time_base if is_opus else frame.time_base
            if pts is None or time_base is None:
                yield Fraction(0), frame  # no time of its own: it follows its predecessor
                continue
            if origin is None:
                origin = pts * time_base
            yield pts * time_base - origin - skipped, frame
    declared = _declared_end(container)
    if declared is not None and end < declared - _MISSING_SECONDS:
        raise TransientError(
            f"audio breaks off: it ends at {float(end):.3f} s of {float(declared):.3f} s"
        )


def _declared_end(container: InputContainer) -> Fraction | None:
    """Return the end in seconds as a Matroska header states it; other formats guess theirs."""
    is_audio_only = len(container.streams) == 1
    if container.duration is None or not is_audio_only or "matroska" not in container.format.name:
        return None
    return Fraction(container.duration, av.time_base)  # offset included


def _at(frame: AudioFrame, position: int) -> AudioFrame:
    frame.pts = position
    frame.time_base = Fraction(1, RATE)
    return frame


def _failure(what: str, error: av.error.FFmpegError) -> WorkerError:
    """Sort an error of libav's: the network's and the server's troubles pass, others stay."""
    # libav puts the URL into its messages, and a presigned URL holds a signature.
    message = f"{what}: {error.strerror or type(error).__name__}"
    if isinstance(error, FileNotFoundError):
        return PermanentError(message)
    if isinstance(error, OSError | av.error.HTTPServerError | av.error.HTTPTooManyRequestsError):
        return TransientError(message)
    return PermanentError(message)
