"""Kept runs to look at, of any size, without a server."""

from __future__ import annotations

from dataclasses import replace

import lameenc
import numpy as np
from pydantic import TypeAdapter

from tests.unit.trackproof.report import run_events
from tests.unit.trackproof.report.meeting_results import meeting_result
from trackproof.events.meeting import MeetingResult
from trackproof.scenarios import find_scenario
from trackproof.verify.run_store import RunRecord, begin_run
from trackproof.verify.run_store.observed import MIX_FILE, RESULT_FILE

RATE_HZ = 48_000


def keep_meeting(*, words: int = 12, speakers: int = 2, text: str = "hello") -> RunRecord:
    """Keep a held run with a transcript and the mixdown of its length, at most a minute."""
    scenario = find_scenario("three-tracks")
    folder = begin_run("run", fleet="reference", name=scenario.name, scenario=scenario)
    result = replace(
        meeting_result(text, words=words, speakers=speakers),
        audio=(MIX_FILE,),
        waveform=tuple(n % 17 / 17 for n in range(255)),
    )
    folder.write_bytes(RESULT_FILE, TypeAdapter(MeetingResult).dump_json(result))
    folder.write_bytes(MIX_FILE, _mp3(min(result.duration, 60.0)))
    branches = [
        run_events.attempt(f"{name}_{index}", 1.0 + index * 0.1)
        for name in ("pad_track", "transcribe_track")
        for index in range(speakers)
    ]
    branches = [replace(one, task_type=one.reference.rpartition("_")[0]) for one in branches]
    timeline = run_events.timeline(run_events.attempt("get_recording"), *branches)
    ended = next(one for one in reversed(run_events.passed_run()) if hasattr(one, "checks"))
    folder.write(replace(ended, timeline=timeline))  # type: ignore[arg-type]
    return folder.record


def _mp3(seconds: float) -> bytes:
    encoder = lameenc.Encoder()
    encoder.set_in_sample_rate(RATE_HZ)
    encoder.set_channels(1)
    encoder.set_bit_rate(64)
    tone = np.sin(np.arange(round(seconds * RATE_HZ)) * 2 * np.pi * 220 / RATE_HZ)
    samples = (tone * 8000).astype("<i2").tobytes()
    return bytes(encoder.encode(samples) + encoder.flush())
