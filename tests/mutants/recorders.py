"""Mutants of the clauses about hard recordings: each misreads one exhibit of the recorder zoo."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from reference_workers.audio import JITTER_SAMPLES, RATE, mixer, padding
from reference_workers.audio.clock import Clock
from tests.mutants.model import Collection, Mutant
from tests.mutants.pad_track import _never_copied
from tests.mutants.patches import replace, rewrite

Ahead = deque[Any]

pad, mix = Collection("pad_track"), Collection("mixdown_tracks")
meeting = Collection("pipeline")


def _shift_by(changed: Any) -> None:
    """Replace the decision on a frame: `changed(clock, ahead, reached, right shift)`."""
    replace(
        "audio.clock:Clock",
        "_shift",
        lambda right: (
            lambda clock, ahead, reached: changed(
                clock, ahead, reached, right(clock, ahead, reached)
            )
        ),
    )


def dtx_gains_a_sample_at_each_gap() -> None:
    """Every gap becomes a sample longer, which two thousand gaps make audible."""
    rewrite(
        "audio.decoder",
        "decode_frames",
        "yield from _silence(layout, start - position)",
        "yield from _silence(layout, start - position + 2)",
    )


def drift_of_a_fast_clock_is_ignored() -> None:
    """Time stamps that run away from the samples by milliseconds are taken for jitter for ever."""

    def changed(clock: Clock, _: Ahead, __: float, shift: int) -> int:
        if 0 < shift < RATE // 50 and clock._origin is not None:
            clock._origin += shift
            return 0
        return shift

    _shift_by(changed)


def drift_of_a_slow_clock_is_ignored() -> None:
    """Where time stamps run slower than samples, words become later without bound."""
    _shift_by(lambda clock, ahead, reached, shift: max(0, shift))


def live_files_end_after_five_seconds() -> None:
    """Of a file without a duration only the first cluster of five seconds is read."""
    rewrite(
        "audio.decoder",
        "_timed_frames",
        "    for packet in packets(container, stream):\n",
        "    for packet in packets(container, stream):\n"
        "        start = (stream.start_time or 0) * float(stream.time_base)\n"
        "        if (container.duration is None and packet.pts is not None\n"
        "                and packet.pts * float(stream.time_base) - start > 5):\n"
        "            continue\n",
    )
    _never_copied()


def jump_back_drops_audio() -> None:
    """After a jump back in time, audio is dropped until the clock has caught up."""

    def make(right: Any) -> Any:
        def changed(clock: Clock, ahead: Ahead, reached: float) -> int:
            time = ahead[0][1]
            if time is not None and clock._origin is not None and reached:
                early = time - clock._origin - reached
                if early < -10 * JITTER_SAMPLES:
                    return int(early)
            shift: int = right(clock, ahead, reached)
            return shift

        return changed

    replace("audio.clock:Clock", "_shift", make)
    _never_copied()


def jitter_accumulates() -> None:
    """A late packet adds silence, and the early one after it restarts the clock."""

    def changed(clock: Clock, ahead: Ahead, reached: float, _: int) -> int:
        time = ahead[0][1]
        if time is None or clock._origin is None:
            return 0
        early = time - clock._origin - reached
        if reached and early < -JITTER_SAMPLES:
            clock._origin += early
        return round(early) if early > JITTER_SAMPLES else 0

    _shift_by(changed)


def lost_packets_are_not_missed() -> None:
    """A hole of less than 100 ms is not filled, as by aresample's default min_hard_comp."""

    def changed(clock: Clock, _: Ahead, __: float, shift: int) -> int:
        if RATE // 50 < shift < RATE // 10 and clock._origin is not None:
            clock._origin += shift
            return 0
        return shift

    _shift_by(changed)


def change_of_rate_is_an_error() -> None:
    """A sample rate that changes within a file ends the task, as PyAV's resampler does."""
    replace("audio.decoder:_Shape", "changes_with", lambda _: lambda shape, frame: False)


def second_stream_is_ignored() -> None:
    """Only the first of two audio streams is used."""
    rewrite("audio.media_input", "open_audio_streams", "len(opened[0][0].streams.audio)", "1")


def _refuse(condition: str, reason: str) -> None:
    rewrite(
        "audio.media_input",
        "open_audio",
        "        yield container",
        f"        if {condition}:\n            raise PermanentError({reason!r})\n"
        "        yield container",
    )


def rejoin_is_cut_off() -> None:
    """A file with more silence before it than sound is taken for damaged."""
    _refuse(
        "(container.start_time or 0) > 2 * (container.duration or 1) / 3 > 1_500_000", "no sound"
    )


def short_files_are_refused() -> None:
    """A file shorter than a second is taken for damaged."""
    _refuse("0 < (container.duration or 0) - (container.start_time or 0) < 700_000", "no sound")


def quiet_voices_are_gated() -> None:
    """A noise gate removes what is quieter than -30 dB."""

    def gated(right: Any) -> Any:
        def blocks(*given: Any, **how: Any) -> Iterator[np.ndarray]:
            for block in right(*given, **how):
                envelope = np.abs(block).max(axis=0)
                parts = np.arange(0, envelope.size, RATE // 50)
                loud = np.maximum.reduceat(envelope, parts) > 0.04
                yield block * np.repeat(loud, RATE // 50)[: envelope.size]

        return blocks

    for module in (padding, mixer):
        replace(module.__name__.removeprefix("reference_workers."), "decode_blocks", gated)
    _never_copied()


def first_stream_must_be_audio() -> None:
    """A file that begins with a video stream is refused."""
    _refuse('container.streams[0].type != "audio"', "not audio")


BOTH = (
    dtx_gains_a_sample_at_each_gap,
    drift_of_a_fast_clock_is_ignored,
    drift_of_a_slow_clock_is_ignored,
    live_files_end_after_five_seconds,
    jump_back_drops_audio,
    jitter_accumulates,
    lost_packets_are_not_missed,
    change_of_rate_is_an_error,
    second_stream_is_ignored,
    quiet_voices_are_gated,
    first_stream_must_be_audio,
)

for patch in BOTH:
    pad("recorders")(patch)
    mix("recorders")(patch)
pad("recorders")(rejoin_is_cut_off)
pad("recorders")(short_files_are_refused)
meeting("recorders")(jump_back_drops_audio)

RECORDER_MUTANTS: tuple[Mutant, ...] = (*pad.mutants, *mix.mutants, *meeting.mutants)
