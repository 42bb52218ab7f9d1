"""Mix any number of tracks into one MP3, in one pass and flat memory."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.filter import Graph
from av.filter.context import FilterContext

from reference_workers.audio.decoding import RATE, frames, layout_of, opened, start_time

BIT_RATE = 128_000
"""Bits a second of the mixdown."""


@dataclass(order=True)
class _Input:
    """One track on its way into the graph; the one that is least far goes on first."""

    position: int
    index: int
    offset: int = field(compare=False)
    frames: Iterator[AudioFrame] = field(compare=False)
    buffer: FilterContext = field(compare=False)


def write_mixdown(sources: Sequence[str], target: Path) -> float:
    """Mix `sources` (URLs or paths) into a stereo MP3; return its audible seconds.

    The graph is the seed's (TASK-005a): N abuffer → amix normalize=0 → aformat s16 stereo →
    abuffersink. Each input first goes through aresample, which fills gaps and puts a track
    that still carries an offset at its place; no track is louder or softer for the others.
    """
    with ExitStack() as stack:
        output = stack.enter_context(av.open(str(target), "w", format="mp3"))
        encoder = output.add_stream("libmp3lame", rate=RATE)
        encoder.layout = "stereo"
        encoder.bit_rate = BIT_RATE

        tracks = [stack.enter_context(opened(source)) for source in sources]
        graph = Graph()
        buffers, sink = _mixer(graph, [layout_of(stream) for _, stream in tracks])
        waiting = [
            _Input(0, index, round(start_time(stream) * RATE), frames(container, stream), buffer)
            for index, ((container, stream), buffer) in enumerate(zip(tracks, buffers, strict=True))
        ]
        heapq.heapify(waiting)

        mixed = 0
        while waiting:
            track = waiting[0]
            frame = next(track.frames, None)
            if frame is None:
                heapq.heappop(waiting)
                track.buffer.push(None)
            else:
                track.position = (frame.pts or 0) + frame.samples
                frame.pts = (frame.pts or 0) + track.offset
                track.buffer.push(frame)
                heapq.heapreplace(waiting, track)
            for out in _pulled(sink):
                out.pts = mixed
                out.time_base = Fraction(1, RATE)
                mixed += out.samples
                output.mux(encoder.encode(out))
        output.mux(encoder.encode(None))
        return mixed / RATE


def _mixer(graph: Graph, layouts: Sequence[str]) -> tuple[list[FilterContext], FilterContext]:
    mix = graph.add("amix", f"inputs={len(layouts)}:normalize=0:duration=longest")
    buffers = []
    for index, layout in enumerate(layouts):
        buffer = graph.add(
            "abuffer",
            f"time_base=1/{RATE}:sample_rate={RATE}:sample_fmt=fltp:channel_layout={layout}",
        )
        last = graph.add("aresample", "async=1:min_hard_comp=0.005:first_pts=0")
        buffer.link_to(last)
        if layout == "mono":
            # libav's own way from mono to stereo takes 3 dB off; both channels get it all here.
            both = graph.add("pan", "stereo|c0=c0|c1=c0")
            last.link_to(both)
            last = both
        last.link_to(mix, 0, index)
        buffers.append(buffer)
    # Planar s16: the same samples in the arrangement that the MP3 encoder takes.
    shape = graph.add("aformat", "sample_fmts=s16p:channel_layouts=stereo")
    sink = graph.add("abuffersink")
    mix.link_to(shape)
    shape.link_to(sink)
    graph.configure()
    return buffers, sink


def _pulled(sink: FilterContext) -> Iterator[AudioFrame]:
    while True:
        try:
            frame = sink.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        if isinstance(frame, AudioFrame):
            yield frame
