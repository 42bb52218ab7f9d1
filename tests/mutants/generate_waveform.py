"""Mutants of generate_waveform."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from reference_workers.errors import WorkerError
from reference_workers.platform.state.models import Transcript
from reference_workers.workers import Worker
from tests.mutants.model import Collection
from tests.mutants.patches import (
    around,
    change_column,
    change_event,
    change_output,
    drop_event,
    replace,
)

TASK = "generate_waveform"

mutant = Collection(TASK)

Samples = NDArray[np.float32]


@mutant("peaks")
def one_peak_too_few() -> None:
    """The waveform has 254 peaks."""
    change_output(TASK, lambda out: out.update(waveform=out["waveform"][:-1]))


@mutant("peaks")
def peaks_of_16_bits() -> None:
    """Peaks are integers up to 32767."""
    change_output(
        TASK, lambda out: out.update(waveform=[round(peak * 32767) for peak in out["waveform"]])
    )


@mutant("peaks")
def stretched_to_full_scale() -> None:
    """Peaks are normalized so that the highest is 1."""

    def stretched(out: dict[str, Any]) -> None:
        loudest = max(out["waveform"]) or 1.0
        out["waveform"] = [peak / loudest for peak in out["waveform"]]

    change_output(TASK, stretched)


@mutant("peaks")
def silence_is_not_a_number() -> None:
    """The peaks of silence are slightly above 0."""
    change_output(
        TASK, lambda out: out.update(waveform=[max(peak, 0.005) for peak in out["waveform"]])
    )


@mutant("peaks")
def left_channel_alone() -> None:
    """Only the left channel is read."""
    _change_samples(lambda samples: samples[:1])


@mutant("peaks")
def mean_of_the_channels() -> None:
    """The channels are averaged, which halves the peaks of a sound in one channel."""
    _change_samples(lambda samples: np.abs(samples).mean(axis=0, keepdims=True))


@mutant("peaks")
def what_is_below_0_is_ignored() -> None:
    """Negative samples are ignored."""
    _change_samples(lambda samples: np.maximum(samples, 0))


@mutant("peaks")
def means_instead_of_peaks() -> None:
    """Each value is the mean level instead of the peak."""
    _change_samples(lambda samples: np.full_like(samples, np.abs(samples).max(axis=0).mean()))


def _change_samples(change: Callable[[Samples], Samples]) -> None:
    """Compute the peaks from changed samples; `change` takes and returns channels × samples."""

    def changed(frame: AudioFrame) -> AudioFrame:
        channels = frame.layout.nb_channels
        samples = change(frame.to_ndarray().astype(np.float32).reshape(-1, channels).T)
        interleaved = np.broadcast_to(samples.T, (frame.samples, channels)).reshape(1, -1)
        return AudioFrame.from_ndarray(interleaved, format="flt", layout=frame.layout)

    replace(
        "audio.waveform",
        "decode_unchecked",
        lambda joined: lambda source: map(changed, joined(source)),
    )


@mutant("peaks")
def tail_lost() -> None:
    """The last twentieth of the audio is ignored."""

    def without_end(output: dict[str, Any]) -> None:
        drawn = len(output["waveform"]) * 19 // 20
        output["waveform"][drawn:] = [0.0] * (len(output["waveform"]) - drawn)

    change_output(TASK, without_end)


@mutant("broken-media")
def broken_media_are_silence() -> None:
    """An unreadable mixdown results in the waveform of silence."""

    def make(draw: Any) -> Any:
        def lenient(source: str) -> list[float]:
            try:
                peaks: list[float] = draw(source)
            except WorkerError:
                return [0.0] * 255
            return peaks

        return lenient

    replace("workers.generate_waveform", "compute_peaks", make)


@mutant("event")
def event_forgotten() -> None:
    """WAVEFORM is never emitted."""
    drop_event("WAVEFORM")


@mutant("event")
def event_under_another_name() -> None:
    """The WAVEFORM event has the peaks in another field."""
    change_event("WAVEFORM", lambda data: {"data": data["waveform"]})


@mutant("event")
def every_run_differs() -> None:
    """A second run returns different peaks."""
    seen: list[str] = []

    def make(work: Worker) -> Worker:
        def moody(context: Any, **inputs: Any) -> dict[str, Any]:
            output = work(context, **inputs)
            seen.append(inputs["transcript_id"])
            if seen.count(inputs["transcript_id"]) > 1:
                output["waveform"] = [math.sqrt(peak) for peak in output["waveform"]]
            return output

        return moody

    around(TASK, make)


@mutant("stored")
def place_forgotten() -> None:
    """The transcript's waveform_location is not set."""
    change_column(Transcript.waveform_location, lambda _: None)


@mutant("stored")
def never_written() -> None:
    """The transcript's waveform_location names a missing file."""

    def make(work: Worker) -> Worker:
        def forgetful(context: Any, **inputs: Any) -> dict[str, Any]:
            output = work(context, **inputs)
            _stored(context, inputs).unlink()
            return output

        return forgetful

    around(TASK, make)


@mutant("stored")
def other_peaks_are_stored() -> None:
    """The stored file contains no peaks."""

    def make(work: Worker) -> Worker:
        def hollow(context: Any, **inputs: Any) -> dict[str, Any]:
            output = work(context, **inputs)
            _stored(context, inputs).write_text('{"data": []}')
            return output

        return hollow

    around(TASK, make)


def _stored(context: Any, inputs: dict[str, Any]) -> Path:
    place = context.clients.state.transcript(inputs["transcript_id"]).waveform_location
    return Path(place)
