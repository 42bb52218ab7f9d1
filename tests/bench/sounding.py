"""One job on audio as a process: `python -m tests.bench.sounding JOB TARGET SOURCE...`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

from reference_workers.audio.decoding import RATE, blocks
from reference_workers.audio.mixing import write_mixdown
from reference_workers.audio.opening import opened
from reference_workers.audio.padding import write_encoded, write_padded
from reference_workers.audio.waveform import peaks

OFFSET = Fraction("2.345")


def nothing(_target: Path, _sources: Sequence[str]) -> None:
    """Start and import what all jobs need."""


def copy(target: Path, sources: Sequence[str]) -> None:
    """Pad by copying packets."""
    write_padded(sources[0], target, OFFSET)


def encode(target: Path, sources: Sequence[str]) -> None:
    """Pad by encoding anew."""
    write_encoded(sources[0], target, round(OFFSET * RATE))


def mix(target: Path, sources: Sequence[str]) -> None:
    """Mix all sources."""
    write_mixdown(sources, target)


def decode(_target: Path, sources: Sequence[str]) -> None:
    """Decode and do nothing with it."""
    for source in sources:
        with opened(source) as (container, stream):
            for _ in blocks(container, stream):
                pass


def draw(_target: Path, sources: Sequence[str]) -> None:
    """Draw the waveform."""
    peaks(sources[0])


JOBS: dict[str, Callable[[Path, Sequence[str]], None]] = {
    job.__name__: job for job in (nothing, copy, encode, mix, decode, draw)
}

if __name__ == "__main__":
    JOBS[sys.argv[1]](Path(sys.argv[2]), sys.argv[3:])
