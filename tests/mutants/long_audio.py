"""Mutants of the clauses about long audio, unchanged sound and refused objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.mutants.generate_waveform import _change_samples
from tests.mutants.model import Collection, Mutant
from tests.mutants.pad_track import _never_copied
from tests.mutants.patches import replace, rewrite

pad, mix = Collection("pad_track"), Collection("mixdown_tracks")
wave = Collection("generate_waveform")


@pad("long-tracks")
def offset_of_a_minute_at_most() -> None:
    """More than a minute of silence is never prepended."""
    rewrite(
        "audio.padding", "delay_samples", "round(offset * RATE)", "round(min(offset, 60) * RATE)"
    )


def gaps_of_ten_seconds_at_most() -> None:
    """A gap is filled with 10 s of silence at most."""
    rewrite(
        "audio.decoder",
        "decode_frames",
        "yield from _silence(layout, start - position)",
        "yield from _silence(layout, min(start - position, 10 * RATE))",
    )


pad("long-tracks")(gaps_of_ten_seconds_at_most)
mix("long-tracks")(gaps_of_ten_seconds_at_most)


@pad("sound")
def dc_offset() -> None:
    """The padded track has a DC offset."""

    def make(right: Any) -> Any:
        def shifted(*given: Any, **how: Any) -> Iterator[Any]:
            for block in right(*given, **how):
                yield block + np.float32(0.05)

        return shifted

    _never_copied()
    replace("audio.padding", "decode_blocks", make)


@mix("sound")
def limiter_never_lets_go() -> None:
    """After an overload the whole rest of the mixdown stays attenuated."""

    def make(_: Any) -> Any:
        def limited(blocks: Any) -> Iterator[Any]:
            gain = 1.0
            for block in blocks:
                gain = min(gain, 1 / max(1.0, float(np.abs(block).max())))
                yield (block * np.float32(gain)).astype(np.float32)

        return limited

    replace("audio.mixer", "limit", make)


@wave("long-audio")
def one_file_for_all_meetings() -> None:
    """The waveforms of all meetings are stored in one file."""
    replace(
        "workers.generate_waveform",
        "waveform_file",
        lambda right: lambda folder, transcript_id: right(folder, "shared"),
    )


@wave("long-audio")
def mean_is_removed() -> None:
    """A DC offset is removed before the peaks are measured."""
    _change_samples(lambda samples: samples - samples.mean(axis=1, keepdims=True))


def refused_object_is_retried() -> None:
    """An object that S3 refuses to serve is tried again."""
    rewrite(
        "services.storage",
        "_error_class",
        "if is_retryable(status):",
        "if is_retryable(status) or status == HTTPStatus.FORBIDDEN:",
    )
    rewrite(
        "audio.media_input",
        "worker_error",
        "    if isinstance(error, OSError",
        "    if isinstance(error, av.error.HTTPForbiddenError | OSError",
    )


for collection in (pad, mix, wave):
    collection("refused-object")(refused_object_is_retried)

LONG_AUDIO_MUTANTS: tuple[Mutant, ...] = (*pad.mutants, *mix.mutants, *wave.mutants)
