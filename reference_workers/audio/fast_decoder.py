"""Decode and join audio within libav alone, without a look at what is read.

Otherwise Python is asked of each packet and frame, 42 times for a second of MP3, which costs half
as much as decoding; here it is asked twice a second. Nothing is checked and nothing fails: it is
for audio whose length is known beforehand, and is read anew (decoding.py) where less or more came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import av
from av.audio.frame import AudioFrame

from reference_workers.audio import RATE
from reference_workers.audio.decoder import BLOCK_SAMPLES
from reference_workers.audio.media_input import libav_source

_UNSAFE = re.compile(r"([^\w./])", re.ASCII)


def decode_unchecked(source: str) -> Iterator[AudioFrame]:
    """Yield what `source` (http URL or path) gives at 48 kHz: interleaved floats, mono or stereo.

    All frames but the last have BLOCK_SAMPLES. What cannot be read ends them early.
    """
    address, options = libav_source(source)
    opening = ":".join(f"{name}={value}" for name, value in options.items())
    graph = (
        f"amovie=filename={_escaped(address)}:format_opts={_escaped(opening)}"
        f",aformat=sample_fmts=flt:sample_rates={RATE}:channel_layouts=mono|stereo"
        f",asetnsamples=n={BLOCK_SAMPLES}:p=0"
    )
    try:
        # Not a graph of our own: that would open the source with Python's lock held, and a server
        # that falls silent would stop the whole fleet.
        with av.open(graph, format="lavfi") as container:
            yield from container.decode(audio=0)
    except av.error.FFmpegError:
        return  # reading it anew tells what is wrong with it


def _escaped(value: str) -> str:
    """Escape a value for the filter's options, and these for the description of filters."""
    return _UNSAFE.sub(r"\\\1", _UNSAFE.sub(r"\\\1", value))
