"""Decode audio entirely within libav, without checks (docs/adr/0003).

Handling each packet and frame in Python (42 calls for a second of MP3) costs half as much as
decoding itself; this way it is two calls a second. Errors only end the audio early: callers know
the expected length and fall back to `decoder` when it differs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import av
from av.audio.frame import AudioFrame

from reference_workers.audio import RATE
from reference_workers.audio.decoder import BLOCK_SAMPLES
from reference_workers.audio.limits import check_time
from reference_workers.audio.media_input import display_name, libav_source

_UNSAFE = re.compile(r"([^\w./])", re.ASCII)


def decode_unchecked(source: str) -> Iterator[AudioFrame]:
    """Yield `source` (http URL or path) as 48 kHz interleaved floats, mono or stereo.

    All frames but the last have BLOCK_SAMPLES. A read error ends the frames early.
    """
    address, options = libav_source(source)
    format_options = ":".join(f"{name}={value}" for name, value in options.items())
    graph = (
        f"amovie=filename={_escaped(address)}:format_opts={_escaped(format_options)}"
        f",aformat=sample_fmts=flt:sample_rates={RATE}:channel_layouts=mono|stereo"
        f",asetnsamples=n={BLOCK_SAMPLES}:p=0"
    )
    try:
        # Opened as a `lavfi` device: a filter graph of PyAV would open the source while holding the
        # GIL, and a stalled server would stop the whole fleet.
        with av.open(graph, format="lavfi") as container:
            for frame in container.decode(audio=0):
                check_time(display_name(source))
                yield frame
    except av.error.FFmpegError:
        return  # the checked decoder reports the error


def _escaped(value: str) -> str:
    """Escape a value twice: for the filter's options, and for the graph description."""
    return _UNSAFE.sub(r"\\\1", _UNSAFE.sub(r"\\\1", value))
