"""Audio compared with the ffmpeg command doing the same work with the same settings.

CPU is user and system time of whole processes; each ratio is the median of paired runs. A fleet
process starts once and runs all day, so the cost of importing is subtracted from our jobs. The
ffmpeg command starts for every job, so its start counts. Copying is so fast that its ratio is also
given with our start.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import av
import numpy as np

from fixtures_audio import make_meeting, write_meeting
from tests.bench.audio_jobs import JOBS, OFFSET
from tests.bench.cpu_time import Cost, cost_of, interleaved, paired_ratio
from tests.bench.figures import Figure

ROUNDS = 3
SHORT_JOBS = ("draw", "decode")
SHORT_ROUNDS = 15
"""Jobs of a second vary by a tenth."""
MINUTES = 10
TRACKS = 4

GROWING_TRACKS = (1, 4, 16, 32, 64)
"""Numbers of tracks of one minute."""
GROWING_MINUTES = (1, 10, 60, 180)
"""Minutes of one track."""

MEMORY_MB = 80

Costs = Mapping[str, Sequence[Cost]]


def measure() -> Iterable[Figure]:
    """Yield CPU, memory and growth; nothing without an ffmpeg command."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        print("audio: not measured, no ffmpeg command", file=sys.stderr)  # noqa: T201
        return
    with TemporaryDirectory() as folder:
        yield from _against(ffmpeg, Path(folder))
        yield from _growth(Path(folder))


def _against(ffmpeg: str, folder: Path) -> Iterable[Figure]:
    clean = write_meeting(
        make_meeting(tracks=1, seconds=60 * MINUTES, offsets=[float(OFFSET)]), folder / "clean"
    )
    tracks = write_meeting(make_meeting(tracks=TRACKS, seconds=60 * MINUTES), folder / "tracks")
    mixed, raw = folder / "mixed.mp3", folder / "mixed.raw"
    cost_of(_ours("mix", mixed, tracks))
    _write_raw(mixed, raw)
    theirs = (ffmpeg, "-nostdin", "-v", "error", "-y")
    delay = f"aresample=async=1,adelay={round(OFFSET * 1000)}:all=1"
    as_libopus = ("-c:a", "libopus", "-b:a", "64k", "-application", "audio")
    mix = f"amix=inputs={TRACKS}:normalize=0,aformat=sample_fmts=s16p:channel_layouts=stereo"
    inputs = [word for track in tracks for word in ("-i", str(track))]
    costs = interleaved(
        {
            "python": [sys.executable, "-c", "pass"],
            **{f"start {job}": _ours(job) for job in JOBS if job not in SHORT_JOBS},
            "copy": _ours("copy", folder / "copied.webm", clean),
            "encode": _ours("encode", folder / "encoded.webm", clean),
            "CLI pad": [
                *(*theirs, "-i", str(clean[0]), "-af", delay, *as_libopus),
                str(folder / "cli.webm"),
            ],
            "mix": _ours("mix", folder / "mixed-again.mp3", tracks),
            "CLI mix": [
                *(*theirs, *inputs, "-filter_complex", mix, "-c:a", "libmp3lame", "-b:a", "128k"),
                str(folder / "cli.mp3"),
            ],
            "decode tracks": _ours("decode", folder / "none", tracks),
            "compress": _ours("compress", folder / "raw.mp3", [raw]),
        },
        rounds=ROUNDS,
    ) | interleaved(
        {
            **{f"start {job}": _ours(job) for job in SHORT_JOBS},
            **{job: _ours(job, folder / "none", [mixed]) for job in SHORT_JOBS},
            "CLI decode": [*theirs, "-i", str(mixed), "-f", "null", "-"],
        },
        rounds=SHORT_ROUNDS,
    )
    spent = {
        **{job: _beyond_start(costs, job, job) for job in JOBS},
        "decode tracks": _beyond_start(costs, "decode tracks", "decode"),
        **{
            job: [cost.cpu_s for cost in costs[job]] for job in ("CLI pad", "CLI mix", "CLI decode")
        },
    }
    apart = [a + b for a, b in zip(spent["decode tracks"], spent["compress"], strict=True)]
    for what, ours, other, promised in (
        ("pad by copying / CLI, which encodes", spent["copy"], spent["CLI pad"], 0.07),
        ("pad by encoding / CLI", spent["encode"], spent["CLI pad"], 1.0),
        (f"mixdown of {TRACKS} / CLI", spent["mix"], spent["CLI mix"], 1.0),
        (f"mixdown of {TRACKS} / decoding and LAME alone", spent["mix"], apart, 1.25),
        ("waveform / CLI, which only decodes", spent["draw"], spent["CLI decode"], 1.25),
        ("waveform / decoding alone", spent["draw"], spent["decode"], 1.25),
    ):
        yield Figure(f"{what}, CPU", paired_ratio(ours, other), "×", promised)
    for what, job, command, limit in (
        ("pad by copying with Python's start / CLI, which encodes", "copy", "CLI pad", 0.07),
        ("waveform with Python's start / CLI, which only decodes", "draw", "CLI decode", None),
    ):
        with_start = [cost.cpu_s for cost in costs[job]]
        yield Figure(f"{what}, CPU", paired_ratio(with_start, spent[command]), "×", limit)
    mixes = list(zip(costs["mix"], costs["CLI mix"], strict=True))
    for what, ratios, promised in (
        ("user CPU", [ours.user_s / other.user_s for ours, other in mixes], 1.0),
        ("time on the clock", [ours.wall_s / other.wall_s for ours, other in mixes], 0.8),
    ):
        whole = f"mixdown of {TRACKS} with Python's start / CLI, {what}"
        yield Figure(whole, median(ratios), "×", promised)
    for name, cpu_s in spent.items():
        yield Figure(f"{name}: CPU", median(cpu_s), "s")
    for name in ("copy", "encode", "mix", "draw", "CLI pad", "CLI mix"):
        yield _memory(name, costs[name], costs["python"])


def _beyond_start(costs: Costs, job: str, imports: str) -> list[float]:
    started = median(cost.cpu_s for cost in costs[f"start {imports}"])
    return [cost.cpu_s - started for cost in costs[job]]


def _growth(folder: Path) -> Iterable[Figure]:
    """Yield the growth of CPU and memory with tracks and minutes."""
    python = [cost_of([sys.executable, "-c", "pass"])]
    started = median(cost_of(_ours("mix")).cpu_s for _ in range(ROUNDS))
    for unit, sizes in (
        ("track", [(tracks, 1) for tracks in GROWING_TRACKS]),
        ("minute", [(1, minutes) for minutes in GROWING_MINUTES]),
    ):
        spent = []
        for tracks, minutes in sizes:
            meeting = make_meeting(tracks=tracks, seconds=60 * minutes)
            paths = write_meeting(meeting, folder / "growing")
            cost = cost_of(_ours("mix", folder / "grown.mp3", paths))
            shutil.rmtree(folder / "growing")
            spent.append(cost.cpu_s - started)
            what = f"mixdown of {tracks} × {minutes} min"
            yield Figure(f"{what}: CPU", spent[-1], "s")
            yield _memory(what, [cost], python)
        slope, unexplained = _line([max(size) for size in sizes], spent)
        yield Figure(f"mixdown: CPU of one more {unit}", slope, "s")
        yield Figure(f"mixdown: CPU against {unit}s, off a straight line (1 - R²)", unexplained, "")


def _line(sizes: Sequence[float], seconds: Sequence[float]) -> tuple[float, float]:
    """Return the slope of the regression line and the unexplained variance (1 - R²)."""
    slope, intercept = np.polyfit(sizes, seconds, 1)
    off = np.asarray(seconds) - (slope * np.asarray(sizes) + intercept)
    return float(slope), float(off.var() / np.var(seconds))


def _write_raw(mp3: Path, raw: Path) -> None:
    """Decode an MP3 to interleaved 16-bit stereo samples."""
    to_packed = av.AudioResampler(format="s16", layout="stereo")
    with av.open(str(mp3)) as container, raw.open("wb") as file:
        for frame in container.decode(audio=0):
            for packed in to_packed.resample(frame):
                file.write(packed.to_ndarray().tobytes())


def _ours(job: str, target: Path | None = None, sources: Sequence[Path] = ()) -> list[str]:
    module = (sys.executable, "-m", "tests.bench.audio_jobs")
    return [*module, job, *map(str, [target] if target else []), *map(str, sources)]


def _memory(what: str, costs: Sequence[Cost], python: Sequence[Cost]) -> Figure:
    beyond = max(cost.peak_mb for cost in costs) - min(cost.peak_mb for cost in python)
    promised = None if what.startswith("CLI") else MEMORY_MB
    return Figure(f"{what}: peak memory beyond the interpreter's start", beyond, "MB", promised)
