"""Open untrusted media, local or over HTTP, and read its packets to their declared end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import cast
from urllib.parse import unquote, urlsplit

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from reference_workers import metrics, tls
from reference_workers.audio.limits import check_length, check_time
from reference_workers.errors import OutageError, PermanentError, TransientError, WorkerError
from reference_workers.services.http import is_retryable, open_client, send_request

_MISSING_SECONDS = Fraction(1, 2)
"""Tolerated difference between the audio's end and the container's declared end."""

_MISSING_BYTES = 1 << 16
"""Without a declared end, bytes that may follow the last packet: tags, an index."""

_REMOTE = {
    "reconnect": "1",
    # Without the seed's reconnect_streamed: on a server without range support it restarts the
    # file in the middle of the stream, which repeats audio.
    "reconnect_delay_max": "30",
    # Without these two, a 503 on reconnect silently truncates the audio.
    "reconnect_on_network_error": "1",
    "reconnect_on_http_error": "429,5xx",
    # Read timeout in microseconds; libav's default is infinite.
    "rw_timeout": "20000000",
    # References inside untrusted media must not reach other protocols.
    "protocol_whitelist": "http,https,tcp,tls",
}
_ANSWER_SECONDS = 10.0
"""Time limit of the request that tells a lost connection from an empty file."""

_NO_ANSWER = (
    ConnectionError,
    TimeoutError,
    av.error.HTTPServerError,
    av.error.HTTPTooManyRequestsError,
)

_MAY_BE_EMPTY = (EOFError, av.error.OSError)
"""What libav reports for a server without an answer and for a file that is cut off alike."""

_LOCAL = {"protocol_whitelist": "file"}

_FORMATS = {"format_whitelist": "matroska,webm,ogg,mp3,wav,aac,flac,mov,mp4,m4a,3gp,3g2,mj2"}
"""Self-contained formats only: a playlist would make libav fetch its entries."""


@contextmanager
def open_audio(source: str, *, nth: int = 0) -> Iterator[tuple[InputContainer, AudioStream]]:
    """Open `source` (http URL or path) and yield its container and first, or nth, audio stream.

    Raises:
        PermanentError: The source is not media, or has no audio stream.
        TransientError: The source cannot be reached for now.
    """
    with _container(source) as container:
        if not container.streams.audio:
            raise PermanentError(f"{display_name(source)}: the media has no audio stream")
        yield container, container.streams.audio[nth]


@contextmanager
def open_audio_streams(source: str) -> Iterator[list[tuple[InputContainer, AudioStream]]]:
    """Open `source` once for each of its audio streams, which are read side by side.

    Raises:
        PermanentError, TransientError: As `open_audio`.
    """
    with ExitStack() as stack:
        opened = [stack.enter_context(open_audio(source))]
        count = len(opened[0][0].streams.audio)
        opened += [stack.enter_context(open_audio(source, nth=nth)) for nth in range(1, count)]
        yield opened


def libav_source(source: str) -> tuple[str, dict[str, str]]:
    """Return the URL and the options to open a source with."""
    if _is_remote(source):
        # libav verifies no certificate unless it is told to.
        trusted = {"tls_verify": "1", "ca_file": tls.ca_file()}
        return source, {**_REMOTE, **_FORMATS, **(trusted if source.startswith("https") else {})}
    # "file:" keeps libav from parsing a protocol from a path ("concat:a|b").
    return f"file:{source}", {**_LOCAL, **_FORMATS}


def display_name(source: str) -> str:
    """Return a source's name for messages: bucket and key, never a signature."""
    if _is_remote(source):
        return unquote(urlsplit(source).path.lstrip("/"))
    return Path(source.removeprefix("file:")).name


def start_time(container: InputContainer, stream: AudioStream) -> Fraction:
    """Return a stream's offset in seconds; 0 where it is missing, invalid or negative."""
    is_mp3 = container.format.name == "mp3"  # its start_time is the encoder delay
    if is_mp3 or stream.start_time is None or stream.time_base is None:
        return Fraction(0)
    return max(Fraction(0), stream.start_time * stream.time_base)


def packets(container: InputContainer, stream: AudioStream) -> Iterator[Packet[AudioStream]]:
    """Yield the stream's packets, ending with the empty packet that flushes the decoder.

    Raises:
        PermanentError: A packet's time is out of range, or the media is damaged.
        TransientError: The connection is lost, or the packets end before the declared end: libav
            reports a connection it cannot resume as end of file.
    """
    size = container.size  # unavailable once the connection is lost
    end, end_byte, audio_bytes = 0.0, 0, 0
    # Floats and local counters: a Fraction or the meter for each packet would dominate the cost.
    tick_seconds = [float(each.time_base or 0) for each in container.streams]
    audio, name = stream.index, display_name(container.name)
    demuxed = cast("Iterator[Packet[AudioStream]]", container.demux())
    try:
        # All streams: each contributes to the end of the file.
        for packet in demuxed:
            index, pts = packet.stream_index, packet.pts
            check_time(name)
            if pts is not None:
                packet_end = (pts + (packet.duration or 0)) * tick_seconds[index]
                if packet_end > end:
                    end = packet_end
                    check_length(end, name)
                end_byte = max(end_byte, (packet.pos or 0) + packet.size)
            if index == audio:
                audio_bytes += packet.size
                yield packet
    except (av.error.FFmpegError, ValueError) as error:
        what = f"audio is cut off after {end:.3f} s"
        raise worker_error(container.name, what, error) from error
    finally:
        metrics.add_audio_bytes(audio_bytes)
    _check_complete(container, end, end_byte, size)


def _check_complete(container: InputContainer, end: float, end_byte: int, size: int) -> None:
    """Compare the end of reading with the end that the container or the server declares.

    Raises:
        TransientError: The audio is incomplete.
    """
    declared = _declared_end(container)
    if declared is not None:
        if end < declared - _MISSING_SECONDS:
            raise TransientError(
                f"{display_name(container.name)}: audio is cut off "
                f"at {end:.3f} s of {float(declared):.3f} s"
            )
    elif size < end_byte:  # unknown, or the size of an error page
        raise TransientError(
            f"{display_name(container.name)}: audio may be cut off at {end:.3f} s: "
            "neither its header nor its server declares the end"
        )
    elif size - end_byte > _MISSING_BYTES:
        raise TransientError(
            f"{display_name(container.name)}: audio is cut off at byte {end_byte} of {size}"
        )


def worker_error(source: str, what: str, error: Exception) -> WorkerError:
    """Map an error of libav or PyAV: network and server errors are transient, others permanent."""
    # Not libav's own message: it contains the URL, and a presigned URL a signature.
    cause = getattr(error, "strerror", None) or type(error).__name__
    message = f"{display_name(source)}: {what}: {cause}"
    if not _is_remote(source):
        return PermanentError(message)
    if isinstance(error, _NO_ANSWER):
        return OutageError(message)
    if isinstance(error, OSError):  # an I/O error may be a lost connection or a cut-off file
        return TransientError(message)
    return PermanentError(message)


def _is_remote(source: str) -> bool:
    return urlsplit(source).scheme in {"http", "https"}


def _container(source: str) -> InputContainer:
    """Open a container; retry once on invalid data, which a lost connection may cause."""
    address, options = libav_source(source)
    try:
        try:
            return av.open(address, options=options)
        except av.error.InvalidDataError:
            return av.open(address, options=options)
    except (av.error.FFmpegError, ValueError) as error:
        if isinstance(error, _MAY_BE_EMPTY) and _is_remote(source):
            _check_answer(source)
        raise worker_error(source, "audio cannot be opened", error) from error


def _check_answer(source: str) -> None:
    """Tell a server that gives no answer, which libav reports as end of file, from an empty file.

    Raises:
        OutageError: No answer, or one that says to try again.
    """
    headers = {"Range": "bytes=0-0"}
    try:
        with open_client(timeout=_ANSWER_SECONDS) as client:
            answer = send_request(client, "GET", source, max_bytes=0, headers=headers)
    except TransientError as error:
        raise OutageError(f"{display_name(source)}: audio cannot be opened: {error}") from error
    if is_retryable(answer.status_code):
        what = f"audio cannot be opened: the server answers {answer.status_code}"
        raise OutageError(f"{display_name(source)}: {what}")


def _declared_end(container: InputContainer) -> Fraction | None:
    """Return the end in seconds declared by the header; None where libav only estimates it."""
    if container.duration is None:
        return None
    duration = Fraction(container.duration, av.time_base)
    if "matroska" in container.format.name:
        return duration  # offset included
    if container.format.name == "wav" or "mp4" in container.format.name:
        return duration + Fraction(container.start_time or 0, av.time_base)
    return None
