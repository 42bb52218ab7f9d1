"""Put silence before a track, so that it begins with the meeting."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.filter import Graph

from reference_workers.audio.decoding import RATE, frames, layout_of, opened, start_time

BIT_RATE = 64_000
"""Bits a second of a padded track: above the source's, so that nothing audible is lost."""


def offset_seconds(source: str) -> Fraction:
    """Return a track's offset in seconds, exactly; 0 where there is none (seed TASK-004a)."""
    with opened(source) as (_, stream):
        return start_time(stream)


def delay_milliseconds(offset: Fraction) -> int:
    """Return the silence to add: floor(offset · 1000), on exact numbers.

    A float would turn 1.001 s into 1000 ms.
    """
    return math.floor(offset * 1000)


def write_padded(source: str, target: Path, offset: Fraction) -> None:
    """Write `source` with `offset` seconds of silence before it, as WebM/Opus.

    The chain is the seed's (TASK-004b): abuffer → aresample async → adelay → abuffersink.
    aresample fills the gaps of a muted participant. The new file's own start_time is 0, so
    that no reader pads it twice.
    """
    with opened(source) as (container, stream), av.open(str(target), "w", format="webm") as output:
        layout = layout_of(stream)
        encoder = output.add_stream("libopus", rate=RATE)
        encoder.layout = layout
        encoder.bit_rate = BIT_RATE
        encoder.time_base = Fraction(1, RATE)
        encoder.options = {"application": "audio"}

        graph = _chain(layout, delay_milliseconds(offset))
        position = 0

        def drain() -> None:
            nonlocal position
            while (frame := _pull(graph)) is not None:
                frame.pts = position
                frame.time_base = Fraction(1, RATE)
                position += frame.samples
                output.mux(encoder.encode(frame))

        for frame in frames(container, stream):
            graph.push(frame)
            drain()
        graph.push(None)
        drain()
        output.mux(encoder.encode(None))


def _chain(layout: str, delay_ms: int) -> Graph:
    graph = Graph()
    source = graph.add(
        "abuffer",
        f"time_base=1/{RATE}:sample_rate={RATE}:sample_fmt=fltp:channel_layout={layout}",
    )
    resample = graph.add("aresample", "async=1:min_hard_comp=0.005:first_pts=0")
    delay = graph.add("adelay", f"delays={delay_ms}:all=1")
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
