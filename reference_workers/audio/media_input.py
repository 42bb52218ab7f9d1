"""Open hostile audio, local or far away, and read its packets to the promised end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import cast
from urllib.parse import unquote, urlsplit

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from reference_workers import metrics
from reference_workers.errors import PermanentError, TransientError, WorkerError

_MISSING_SECONDS = Fraction(1, 2)
"""Audio may end this much before the end its container declares."""

_MISSING_BYTES = 1 << 16
"""Where nothing declares the end, so many bytes may follow the last packet: tags, an index."""

_LATEST_SECONDS = 48 * 3600
"""No meeting lasts so long: a time beyond it is a lie that would be filled with silence."""

_REMOTE = {
    "reconnect": "1",
    # The seed's third option, reconnect_streamed, is left out: on a server that knows no ranges
    # it begins the file anew in the middle, and what was heard is heard twice.
    "reconnect_delay_max": "30",
    # Without these two, a 503 on reconnecting silently truncates the audio.
    "reconnect_on_network_error": "1",
    "reconnect_on_http_error": "429,5xx",
    # Microseconds without a byte; libav's own default is to wait for ever.
    "rw_timeout": "20000000",
    # A file name inside hostile media must not reach other protocols.
    "protocol_whitelist": "http,https,tcp,tls",
}
_LOCAL = {"protocol_whitelist": "file"}

_FORMATS = {"format_whitelist": "matroska,webm,ogg,mp3,wav,aac,flac,mov,mp4,m4a,3gp,3g2,mj2"}
"""Formats that hold their audio themselves: a playlist would have us ask its addresses."""


@contextmanager
def open_audio(source: str) -> Iterator[tuple[InputContainer, AudioStream]]:
    """Open `source` (http URL or path) and yield its container and first audio stream.

    Raises:
        PermanentError: It is no media, or has no audio stream.
        TransientError: It cannot be reached now.
    """
    with _container(source) as container:
        if not container.streams.audio:
            raise PermanentError(f"{display_name(source)}: the media has no audio stream")
        yield container, container.streams.audio[0]


def libav_source(source: str) -> tuple[str, dict[str, str]]:
    """Return what libav is to open, and its options."""
    if _is_remote(source):
        return source, {**_REMOTE, **_FORMATS}
    # "file:" keeps libav from reading a protocol into a path ("concat:a|b").
    return f"file:{source}", {**_LOCAL, **_FORMATS}


def display_name(source: str) -> str:
    """Return what a source is called in errors: bucket and key, never a signature."""
    if _is_remote(source):
        return unquote(urlsplit(source).path.lstrip("/"))
    return Path(source.removeprefix("file:")).name


def start_time(container: InputContainer, stream: AudioStream) -> Fraction:
    """Return a stream's offset in seconds; 0 where it is missing, invalid or negative."""
    states_none = container.format.name == "mp3"  # there it is the encoder's delay
    if states_none or stream.start_time is None or stream.time_base is None:
        return Fraction(0)
    return max(Fraction(0), stream.start_time * stream.time_base)


def packets(container: InputContainer, stream: AudioStream) -> Iterator[Packet[AudioStream]]:
    """Yield the stream's packets, the empty one that flushes the decoder last.

    Raises:
        PermanentError: A packet claims a time that no meeting has, or the media is damaged.
        TransientError: The connection is lost, or the packets end before the declared end: libav
            takes a connection that cannot be resumed for the end of the file.
    """
    size = container.size  # known no more when the connection is lost
    end, end_byte, audio_bytes = 0.0, 0, 0
    # Asked of every packet, a fraction would cost more than all the rest of reading it; so would
    # the meter.
    tick_seconds = [float(each.time_base or 0) for each in container.streams]
    audio = stream.index
    demuxed = cast("Iterator[Packet[AudioStream]]", container.demux())
    try:
        # Of all streams, for what they tell of the end.
        for packet in demuxed:
            index, pts = packet.stream_index, packet.pts
            if pts is not None:
                packet_end = (pts + (packet.duration or 0)) * tick_seconds[index]
                if packet_end > end:
                    end = packet_end
                    if end > _LATEST_SECONDS:
                        raise PermanentError(
                            f"{display_name(container.name)}: a packet at {end / 3600:.0f} h"
                        )
                end_byte = max(end_byte, (packet.pos or 0) + packet.size)
            if index == audio:
                audio_bytes += packet.size
                yield packet
    except av.error.FFmpegError as error:
        what = f"audio breaks off after {end:.3f} s"
        raise worker_error(container.name, what, error) from error
    finally:
        metrics.add_audio_bytes(audio_bytes)
    _check_complete(container, end, end_byte, size)


def _check_complete(container: InputContainer, end: float, end_byte: int, size: int) -> None:
    """Hold where reading came to an end against what the container says.

    Raises:
        TransientError: It should go on.
    """
    declared = _declared_end(container)
    if declared is not None:
        if end < declared - _MISSING_SECONDS:
            raise TransientError(
                f"{display_name(container.name)}: audio breaks off: "
                f"it ends at {end:.3f} s of {float(declared):.3f} s"
            )
    elif size < end_byte:  # unknown, or the size of an error's page
        raise TransientError(
            f"{display_name(container.name)}: audio may break off at {end:.3f} s: "
            "neither its header nor its server says where it ends"
        )
    elif size - end_byte > _MISSING_BYTES:
        raise TransientError(
            f"{display_name(container.name)}: audio breaks off: "
            f"it ends at byte {end_byte} of {size}"
        )


def worker_error(source: str, what: str, error: av.error.FFmpegError) -> WorkerError:
    """Sort an error of libav's: the network's and the server's troubles pass, others stay."""
    # libav puts the URL into its messages, and a presigned URL holds a signature.
    message = f"{display_name(source)}: {what}: {error.strerror or type(error).__name__}"
    if not _is_remote(source):
        return PermanentError(message)
    if isinstance(error, OSError | av.error.HTTPServerError | av.error.HTTPTooManyRequestsError):
        return TransientError(message)
    return PermanentError(message)


def _is_remote(source: str) -> bool:
    return urlsplit(source).scheme in {"http", "https"}


def _container(source: str) -> InputContainer:
    """Open it; what looks damaged is looked at twice, for it may have been cut on its way."""
    address, options = libav_source(source)
    try:
        try:
            return av.open(address, options=options)
        except av.error.InvalidDataError:
            return av.open(address, options=options)
    except av.error.FFmpegError as error:
        raise worker_error(source, "audio cannot be opened", error) from error


def _declared_end(container: InputContainer) -> Fraction | None:
    """Return the end in seconds as a header states it; other formats guess theirs."""
    if container.duration is None:
        return None
    duration = Fraction(container.duration, av.time_base)
    if "matroska" in container.format.name:
        return duration  # offset included
    if container.format.name == "wav" or "mp4" in container.format.name:
        return duration + Fraction(container.start_time or 0, av.time_base)
    return None
