"""Pad a track with leading silence, so that it starts with the meeting."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.filter import Graph

from reference_workers.audio import RATE
from reference_workers.audio.decoder import decode_blocks, layout_of
from reference_workers.audio.limiter import limit
from reference_workers.audio.limits import check_length
from reference_workers.audio.media_input import (
    display_name,
    open_audio,
    open_audio_streams,
    start_time,
)
from reference_workers.audio.mixer import mix_blocks
from reference_workers.audio.remux import NotRemuxableError, write_remuxed

BIT_RATE = 64_000
"""Bits a second of a re-encoded track: above the source's, so no audible quality is lost."""


def offset_seconds(source: str) -> Fraction:
    """Return a track's exact offset in seconds, 0 without one (seed TASK-004a)."""
    with open_audio(source) as (container, stream):
        return start_time(container, stream)


def has_several_streams(source: str) -> bool:
    """Return whether a track has more than one audio stream, each with an offset of its own."""
    with open_audio(source) as (container, _):
        return len(container.streams.audio) > 1


def delay_samples(offset: Fraction) -> int:
    """Return the length of the leading silence in samples, computed on exact numbers.

    The seed's floor(offset · 1000) ms is the required minimum; with floats 1.001 s would become
    1000 ms.
    """
    return round(offset * RATE)


def write_padded(source: str, target: Path, offset: Fraction) -> None:
    """Write `source` as WebM/Opus with `offset` seconds of leading silence.

    Gaps (a muted participant) are filled, and the padded track's start_time is 0, so it is not
    padded again. A clean Opus track keeps its packets (docs/adr/0004); others are re-encoded.
    Several audio streams become one, each at its own offset.
    """
    check_length(float(offset), display_name(source))
    lead = delay_samples(offset)
    try:
        with open_audio(source) as (container, stream):
            if len(container.streams.audio) > 1:
                raise NotRemuxableError("several audio streams")
            write_remuxed(container, stream, target, lead)
    except NotRemuxableError:
        write_reencoded(source, target, lead)


def write_reencoded(source: str, target: Path, lead: int) -> None:
    """Pad by the seed's chain (TASK-004b): abuffer → aresample async → adelay → abuffersink."""
    reproducible = {"fflags": "+bitexact"}
    with (
        open_audio_streams(source) as streams,
        av.open(str(target), "w", format="webm", options=reproducible) as output,
    ):
        layout = "mono" if {layout_of(stream) for _, stream in streams} == {"mono"} else "stereo"
        blocks = decode_blocks(*streams[0])
        if len(streams) > 1:
            tracks = [
                decode_blocks(container, stream, lead=delay_samples(start_time(container, stream)))
                for container, stream in streams
            ]
            blocks, lead = limit(mix_blocks(tracks, 1 if layout == "mono" else 2)), 0
        encoder = output.add_stream("libopus", rate=RATE)
        encoder.layout = layout
        encoder.bit_rate = BIT_RATE
        encoder.time_base = Fraction(1, RATE)
        encoder.options = {"application": "audio"}

        graph = _chain(layout, lead)
        written = 0

        def drain() -> None:
            nonlocal written
            while (padded := _pull(graph)) is not None:
                output.mux(encoder.encode(_at(written, padded)))
                written += padded.samples

        read = 0
        for block in blocks:
            frame = AudioFrame.from_ndarray(block, format="fltp", layout=layout)
            frame.sample_rate = RATE
            graph.push(_at(read, frame))
            read += frame.samples
            drain()
        graph.push(None)
        drain()
        output.mux(encoder.encode(None))


def _at(position: int, frame: AudioFrame) -> AudioFrame:
    frame.pts = position
    frame.time_base = Fraction(1, RATE)
    return frame


def _chain(layout: str, lead: int) -> Graph:
    graph = Graph()
    source = graph.add(
        "abuffer",
        f"time_base=1/{RATE}:sample_rate={RATE}:sample_fmt=fltp:channel_layout={layout}",
    )
    resample = graph.add("aresample", "async=1:min_hard_comp=0.005:first_pts=0")
    delay = graph.add("adelay", f"delays={lead}S:all=1")
    sink = graph.add("abuffersink")
    source.link_to(resample)
    resample.link_to(delay)
    delay.link_to(sink)
    graph.configure()
    return graph


def _pull(graph: Graph) -> AudioFrame | None:
    try:
        frame = graph.pull()
    except (av.error.BlockingIOError, av.error.EOFError):
        return None
    return frame if isinstance(frame, AudioFrame) else None
