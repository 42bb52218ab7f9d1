"""Mix any number of tracks into one MP3, in one pass and constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reference_workers.audio import RATE
from reference_workers.audio.decoder import BLOCK_SAMPLES, Samples, decode_blocks, layout_of
from reference_workers.audio.limiter import limit
from reference_workers.audio.media_input import open_audio_streams, start_time
from reference_workers.audio.mp3 import Mp3Writer

_FULL_SCALE = 1 << 15


def write_mixdown(sources: Sequence[str], target: Path) -> float:
    """Mix `sources` (URLs or paths) into a stereo MP3; return its audible seconds.

    Equivalent to the seed's graph (TASK-005a): N abuffer → amix normalize=0 → aformat s16 stereo;
    a track's level does not depend on the others. Tracks are placed at their offset; a limiter
    prevents clipping. All audio streams of a source are mixed. One thread decodes and mixes half
    a second while another encodes the previous one.
    """
    with ExitStack() as stack:
        tracks, channels = [], 1
        for source in sources:
            for container, stream in stack.enter_context(open_audio_streams(source)):
                lead = round(start_time(container, stream) * RATE)
                tracks.append(decode_blocks(container, stream, lead=lead))
                channels = channels if layout_of(stream) == "mono" else 2
        output = Mp3Writer(stack.enter_context(target.open("wb")))
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=1))
        encoding: Future[None] | None = None
        for block in limit(mix_blocks(tracks, channels)):
            samples = to_int16_stereo(block)
            if encoding:
                encoding.result()
            encoding = pool.submit(output.write, samples)
        if encoding:
            encoding.result()
        return output.finish()


def mix_blocks(tracks: Sequence[Iterator[Samples]], channels: int) -> Iterator[Samples]:
    """Yield the sum of the tracks' blocks in `channels` channels (1 or 2).

    Only a track's last block may be shorter than the others. The yielded array is reused: it is
    valid until the next one is requested.
    """
    total = np.zeros((channels, BLOCK_SAMPLES), dtype=np.float32)
    while True:
        total[:] = 0
        length = 0
        for track in tracks:
            for block in islice(track, 1):
                length = max(length, block.shape[1])
                total[:, : block.shape[1]] += block  # mono is added to both channels at full level
        if not length:
            return
        yield total[:, :length]


def to_int16_stereo(block: Samples) -> NDArray[np.int16]:
    """Return samples as 16-bit integers, one row (left, right) each."""
    scaled = np.rint(block * np.float32(_FULL_SCALE)).clip(-_FULL_SCALE, _FULL_SCALE - 1)
    rows = scaled.astype(np.int16).T
    return np.ascontiguousarray(np.broadcast_to(rows, (len(rows), 2)))
