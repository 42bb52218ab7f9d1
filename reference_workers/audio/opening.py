"""Open hostile audio, local or far away, and read its packets to the promised end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote, urlsplit

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from reference_workers import metering
from reference_workers.errors import PermanentError, TransientError, WorkerError

_MISSING_SECONDS = Fraction(1, 2)
"""Audio may end this much before the end its container declares."""

_LATEST_SECONDS = 48 * 3600
"""No meeting lasts so long: a time beyond it is a lie that would be filled with silence."""

_REMOTE = {
    "reconnect": "1",
    "reconnect_streamed": "1",
    "reconnect_delay_max": "30",
    # Without these two, a 503 on reconnecting silently truncates the audio.
    "reconnect_on_network_error": "1",
    "reconnect_on_http_error": "429,5xx",
    # Microseconds without a byte; libav's own default is to wait for ever.
    "rw_timeout": "20000000",
    # A playlist or a file name inside hostile media must not reach other protocols.
    "protocol_whitelist": "http,https,tcp,tls",
}
_LOCAL = {"protocol_whitelist": "file"}


@contextmanager
def opened(source: str) -> Iterator[tuple[InputContainer, AudioStream]]:
    """Open `source` (http URL or path) and yield its container and first audio stream.

    Raises:
        PermanentError: It is no media, or has no audio stream.
        TransientError: It cannot be reached now.
    """
    is_remote = urlsplit(source).scheme in {"http", "https"}
    # "file:" keeps libav from reading a protocol into a path ("concat:a|b").
    address, options = (source, _REMOTE) if is_remote else (f"file:{source}", _LOCAL)
    try:
        container = av.open(address, options=options)
    except av.error.FFmpegError as error:
        raise failure(source, "audio cannot be opened", error) from error
    with container:
        if not container.streams.audio:
            raise PermanentError(f"{name_of(source)}: the media has no audio stream")
        yield container, container.streams.audio[0]


def name_of(source: str) -> str:
    """Return what a source is called in errors: bucket and key, never a signature."""
    parts = urlsplit(source)
    if parts.scheme in {"http", "https"}:
        return unquote(parts.path.lstrip("/"))
    return Path(source.removeprefix("file:")).name


def start_time(stream: AudioStream) -> Fraction:
    """Return a stream's offset in seconds; 0 where it is missing, invalid or negative."""
    if stream.start_time is None or stream.time_base is None:
        return Fraction(0)
    return max(Fraction(0), stream.start_time * stream.time_base)


def packets(container: InputContainer, stream: AudioStream) -> Iterator[Packet[AudioStream]]:
    """Yield the stream's packets, the empty one that flushes the decoder last.

    Raises:
        PermanentError: A packet claims a time that no meeting has.
        TransientError: The packets end before the declared end: libav takes a connection that
            cannot be resumed for the end of the file.
    """
    seconds_a_tick = float(stream.time_base or 0)
    last = None
    for packet in container.demux(stream):
        metering.read_audio(packet.size)
        if packet.pts is not None:
            last = packet
            if packet.pts * seconds_a_tick > _LATEST_SECONDS:
                hours = packet.pts * seconds_a_tick / 3600
                raise PermanentError(f"{name_of(container.name)}: a packet at {hours:.0f} h")
        yield packet
    declared = _declared_end(container)
    end = _end_of(last)
    if declared is not None and end < declared - _MISSING_SECONDS:
        raise TransientError(
            f"{name_of(container.name)}: audio breaks off: "
            f"it ends at {float(end):.3f} s of {float(declared):.3f} s"
        )


def failure(source: str, what: str, error: av.error.FFmpegError) -> WorkerError:
    """Sort an error of libav's: the network's and the server's troubles pass, others stay."""
    # libav puts the URL into its messages, and a presigned URL holds a signature.
    message = f"{name_of(source)}: {what}: {error.strerror or type(error).__name__}"
    if isinstance(error, FileNotFoundError):
        return PermanentError(message)
    if isinstance(error, OSError | av.error.HTTPServerError | av.error.HTTPTooManyRequestsError):
        return TransientError(message)
    return PermanentError(message)


def _end_of(packet: Packet[AudioStream] | None) -> Fraction:
    if packet is None or packet.pts is None or packet.time_base is None:
        return Fraction(0)
    return (packet.pts + (packet.duration or 0)) * packet.time_base


def _declared_end(container: InputContainer) -> Fraction | None:
    """Return the end in seconds as a Matroska header states it; other formats guess theirs."""
    is_audio_only = len(container.streams) == 1
    if container.duration is None or not is_audio_only or "matroska" not in container.format.name:
        return None
    return Fraction(container.duration, av.time_base)  # offset included
