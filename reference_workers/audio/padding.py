"""Put silence before a track, so that it begins with the meeting."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.filter import Graph

from reference_workers.audio import RATE
from reference_workers.audio.decoder import decode_blocks, layout_of
from reference_workers.audio.media_input import open_audio, start_time
from reference_workers.audio.remux import NotRemuxableError, write_remuxed

BIT_RATE = 64_000
"""Bits a second of a track encoded anew: above the source's, so nothing audible is lost."""


def offset_seconds(source: str) -> Fraction:
    """Return a track's offset in seconds, exactly; 0 where there is none (seed TASK-004a)."""
    with open_audio(source) as (container, stream):
        return start_time(container, stream)


def delay_samples(offset: Fraction) -> int:
    """Return the silence to add, to the nearest sample, on exact numbers.

    The seed's floor(offset · 1000) ms is the least a fleet must add; a float there would turn
    1.001 s into 1000 ms.
    """
    return round(offset * RATE)


def write_padded(source: str, target: Path, offset: Fraction) -> None:
    """Write `source` with `offset` seconds of silence before it, as WebM/Opus.

    Gaps of a muted participant are filled, and the new file's own start_time is 0: no reader has
    anything left to pad. A clean Opus track keeps its packets; any other is encoded anew.
    """
    lead = delay_samples(offset)
    try:
        with open_audio(source) as (container, stream):
            write_remuxed(container, stream, target, lead)
    except NotRemuxableError:
        write_reencoded(source, target, lead)


def write_reencoded(source: str, target: Path, lead: int) -> None:
    """Pad by the seed's chain (TASK-004b): abuffer → aresample async → adelay → abuffersink."""
    same_bytes_again = {"fflags": "+bitexact"}
    with (
        open_audio(source) as (container, stream),
        av.open(str(target), "w", format="webm", options=same_bytes_again) as output,
    ):
        layout = layout_of(stream)
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
        for block in decode_blocks(container, stream):
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
