"""Audio against the ffmpeg command line doing the same work with the same settings.

CPU is user and system of whole processes, ours with Python's start; each ratio is the median of
pairs that ran one after the other.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from fixtures_audio import make_meeting, write_meeting
from tests.bench.figures import Figure
from tests.bench.sounding import OFFSET
from tests.bench.spending import Cost, cost_of, interleaved, paired_ratio

ROUNDS = 3
MINUTES = 10
TRACKS = 4


def measure() -> Iterable[Figure]:
    """Yield CPU, memory and growth; nothing but a note where there is no ffmpeg command."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        print("audio: not measured, there is no ffmpeg command here", file=sys.stderr)  # noqa: T201
        return
    with TemporaryDirectory() as folder:
        yield from _against(ffmpeg, Path(folder))
        yield from _growth(Path(folder))


def _against(ffmpeg: str, folder: Path) -> Iterable[Figure]:
    clean = write_meeting(
        make_meeting(tracks=1, seconds=60 * MINUTES, offsets=[float(OFFSET)]), folder / "clean"
    )
    tracks = write_meeting(make_meeting(tracks=TRACKS, seconds=60 * MINUTES), folder / "tracks")
    mixed = folder / "mixed.mp3"
    theirs = (ffmpeg, "-nostdin", "-v", "error", "-y")
    delay = f"aresample=async=1,adelay={round(OFFSET * 1000)}:all=1"
    as_libopus = ("-c:a", "libopus", "-b:a", "64k", "-application", "audio")
    mix = f"amix=inputs={TRACKS}:normalize=0,aformat=sample_fmts=s16p:channel_layouts=stereo"
    inputs = [word for track in tracks for word in ("-i", str(track))]
    cost_of(_ours("mix", mixed, tracks))
    costs = interleaved(
        {
            "nothing": _ours("nothing", folder / "none", []),
            "copy": _ours("copy", folder / "copied.webm", clean),
            "encode": _ours("encode", folder / "encoded.webm", clean),
            "cli pad": [
                *(*theirs, "-i", str(clean[0]), "-af", delay, *as_libopus),
                str(folder / "cli.webm"),
            ],
            "mix": _ours("mix", folder / "mixed-again.mp3", tracks),
            "cli mix": [
                *(*theirs, *inputs, "-filter_complex", mix, "-c:a", "libmp3lame", "-b:a", "128k"),
                str(folder / "cli.mp3"),
            ],
            "decode": _ours("decode", folder / "none", [mixed]),
            "draw": _ours("draw", folder / "none", [mixed]),
        },
        rounds=ROUNDS,
    )
    yield from _ratio("pad by copying / CLI encoding anew", costs, "copy", "cli pad", 0.07)
    yield from _ratio("pad by encoding / CLI encoding anew", costs, "encode", "cli pad", 1.0)
    yield from _ratio(f"mixdown of {TRACKS} / CLI", costs, "mix", "cli mix", 1.0)
    yield from _ratio("waveform / decoding alone", costs, "draw", "decode", 1.25)
    for name in costs:
        yield Figure(f"CPU: {name}", median(cost.cpu_s for cost in costs[name]), "s")
    for name in ("copy", "encode", "mix", "draw"):
        yield _memory(name, costs[name], costs["nothing"])
    walls = [median(cost.wall_s for cost in costs[name]) for name in ("mix", "cli mix")]
    yield Figure("mixdown / CLI, time on the clock", walls[0] / walls[1], "×", 0.8)


def _growth(folder: Path) -> Iterable[Figure]:
    """CPU a track and minute, and memory, however many tracks there are and however long."""
    nothing = [cost_of(_ours("nothing", folder / "none", []))]
    for tracks, minutes in ((1, 1), (4, 1), (16, 1), (64, 1), (1, 10), (1, 60), (1, 180)):
        meeting = make_meeting(tracks=tracks, seconds=60 * minutes)
        paths = write_meeting(meeting, folder / f"{tracks}x{minutes}")
        cost = cost_of(_ours("mix", folder / "grown.mp3", paths))
        what = f"mix of {tracks} × {minutes} min"
        beyond = cost.cpu_s - nothing[0].cpu_s
        yield Figure(f"{what}: CPU beyond the start", beyond, "s")
        yield _memory(what, [cost], nothing)
        shutil.rmtree(folder / f"{tracks}x{minutes}")


def _ours(job: str, target: Path, sources: Sequence[Path]) -> list[str]:
    module = (sys.executable, "-m", "tests.bench.sounding")
    return [*module, job, str(target), *map(str, sources)]


def _ratio(
    what: str, costs: Mapping[str, list[Cost]], ours: str, theirs: str, promised: float
) -> Iterable[Figure]:
    yield Figure(f"{what}, CPU", paired_ratio(costs[ours], costs[theirs]), "×", promised)


def _memory(what: str, costs: Sequence[Cost], nothing: Sequence[Cost]) -> Figure:
    beyond = max(cost.peak_mb for cost in costs) - min(cost.peak_mb for cost in nothing)
    return Figure(f"{what}: peak memory beyond the imports", beyond, "MB", 80)
