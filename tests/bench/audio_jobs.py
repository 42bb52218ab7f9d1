"""One audio job as a process: `python -m tests.bench.audio_jobs JOB TARGET SOURCE...`.

Without a target it only imports what the job needs; the difference is the cost of the job in a
running process.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

OFFSET = Fraction("2.345")

Work = Callable[[Path, Sequence[str]], object]


def copy() -> Work:
    """Pad by copying packets, as `write_padded` does for clean Opus."""
    from reference_workers.audio import RATE
    from reference_workers.audio.media_input import open_audio
    from reference_workers.audio.remux import write_remuxed

    def work(target: Path, sources: Sequence[str]) -> None:
        with open_audio(sources[0]) as (container, stream):
            write_remuxed(container, stream, target, round(OFFSET * RATE))

    return work


def encode() -> Work:
    """Pad by re-encoding, as `write_padded` does for all other tracks."""
    from reference_workers.audio import RATE
    from reference_workers.audio.padding import write_reencoded

    return lambda target, sources: write_reencoded(sources[0], target, round(OFFSET * RATE))


def mix() -> Work:
    """Mix all sources."""
    from reference_workers.audio.mixer import write_mixdown

    return lambda target, sources: write_mixdown(sources, target)


def draw() -> Work:
    """Compute the waveform."""
    from reference_workers.audio.waveform import compute_peaks

    return lambda _, sources: compute_peaks(sources[0])


def decode() -> Work:
    """Decode all sources with libav and discard the samples: the lower bound."""
    import av

    def work(_target: Path, sources: Sequence[str]) -> None:
        for source in sources:
            with av.open(source) as container:
                for _ in container.decode(audio=0):
                    pass

    return work


def compress() -> Work:
    """Encode raw stereo samples with LAME: the lower bound."""
    import lameenc

    from reference_workers.audio import RATE
    from reference_workers.audio.mp3 import BIT_RATE, QUALITY

    def work(target: Path, sources: Sequence[str]) -> None:
        encoder = lameenc.Encoder()
        encoder.silence()
        encoder.set_in_sample_rate(RATE)
        encoder.set_channels(2)
        encoder.set_bit_rate(BIT_RATE // 1000)
        encoder.set_quality(QUALITY)
        with Path(sources[0]).open("rb") as raw, target.open("wb") as file:
            while samples := raw.read(RATE * 4):
                file.write(encoder.encode(samples))
            file.write(encoder.flush())

    return work


JOBS: dict[str, Callable[[], Work]] = {
    job.__name__: job for job in (copy, encode, mix, draw, decode, compress)
}

if __name__ == "__main__":
    chosen = JOBS[sys.argv[1]]()
    if len(sys.argv) > 2:
        chosen(Path(sys.argv[2]), sys.argv[3:])
