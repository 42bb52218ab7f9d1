"""Broken and unusual media."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import pytest

from fixtures_audio import make_meeting, write_track
from reference_workers.audio import RATE
from reference_workers.audio.mixer import write_mixdown
from reference_workers.audio.padding import offset_seconds, write_padded, write_reencoded
from reference_workers.audio.waveform import compute_peaks
from reference_workers.errors import PermanentError, WorkerError
from tests.unit.reference_workers.audio.audio_server import serving
from tests.unit.reference_workers.audio.exactness import assert_exact, by_pyav
from tests.unit.reference_workers.audio.recordings import turned_back, write_opus
from tests.unit.reference_workers.signals import (
    samples_of,
    silence,
    write_picture,
    write_sound,
)

TRACK = make_meeting(tracks=1, seconds=6, seed=6).tracks[0]


def pad(source: str) -> None:
    with TemporaryDirectory() as folder:
        write_padded(source, Path(folder) / "padded.webm", Fraction(1))


def mix(source: str) -> None:
    with TemporaryDirectory() as folder:
        write_mixdown([source], Path(folder) / "audio.mp3")


def draw(source: str) -> None:
    compute_peaks(source)


JOBS = pytest.mark.parametrize("job", [pad, mix, draw])


def recorded(path: Path) -> bytes:
    write_track(TRACK, path)
    return path.read_bytes()


def cut(path: Path) -> None:
    path.write_bytes(recorded(path)[:-10_000])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def header_only(path: Path) -> None:
    whole = recorded(path)
    path.write_bytes(whole[: whole.index(b"\x1f\x43\xb6\x75")])


def text(path: Path) -> None:
    path.write_text("this is no audio")


def picture(path: Path) -> None:
    write_picture(path)


def scrambled(path: Path) -> None:
    """Valid container and packets with invalid content."""
    with av.open(str(path), "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 5 * RATE), dtype=np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            spoilt = av.Packet(b"\xff" * 40)  # declares 63 missing frames
            spoilt.stream, spoilt.pts, spoilt.dts = stream, packet.pts, packet.dts
            spoilt.duration, spoilt.time_base = packet.duration, packet.time_base
            container.mux(spoilt)


def time_out_of_range(path: Path) -> None:
    write_opus([silence(2)], path, shift_ms=lambda nth: 10**10 if nth > 50 else 0)


@JOBS
@pytest.mark.parametrize(
    "broken",
    [cut, empty, header_only, text, picture, scrambled, time_out_of_range],
)
def test_a_failure_names_the_unreadable_track(
    tmp_path: Path, broken: Callable[[Path], None], job: Callable[[str], None]
) -> None:
    path = tmp_path / "track-07.webm"
    broken(path)

    with pytest.raises(WorkerError, match=r"^track-07\.webm: ") as error:
        job(str(path))

    if broken not in {cut, scrambled}:  # these look like a lost connection
        assert isinstance(error.value, PermanentError)


@pytest.mark.parametrize("broken", [empty, text, picture])
@pytest.mark.usefixtures("no_reconnect_delay")
def test_unreadable_media_from_a_server_is_a_permanent_failure(
    tmp_path: Path, broken: Callable[[Path], None]
) -> None:
    path = tmp_path / "track.webm"
    broken(path)

    with (
        serving(path.read_bytes()) as source,
        pytest.raises(PermanentError, match=r"^recordings/a track\.webm: ") as error,
    ):
        mix(source.url)

    assert "secret" not in str(error.value)


@pytest.mark.parametrize("pad", [write_padded, None])
def test_a_live_recording_keeps_its_offset(
    tmp_path: Path, pad: Callable[[str, Path, Fraction], None] | None
) -> None:
    source = write_opus([samples_of(TRACK)], tmp_path / "a.webm", offset_ms=2345, live=True)
    with av.open(str(source)) as container:
        assert container.duration is None
    offset = offset_seconds(str(source))

    if pad:
        pad(str(source), tmp_path / "made.webm", offset)
    else:
        write_mixdown([str(source)], tmp_path / "made.webm")

    assert offset == Fraction("2.345")
    assert_exact(TRACK, by_pyav(tmp_path / "made.webm"), offset=offset)


def test_the_extension_does_not_matter(tmp_path: Path) -> None:
    source = write_sound(samples_of(TRACK), tmp_path / "a.wav", codec="pcm_s16le")
    source = source.rename(tmp_path / "a.webm")

    write_padded(str(source), tmp_path / "padded.webm", Fraction(1))

    assert_exact(TRACK, by_pyav(tmp_path / "padded.webm"), offset=Fraction(1))


def test_a_track_with_video_is_padded_without_it(tmp_path: Path) -> None:
    path = tmp_path / "both.webm"
    sound = write_opus([samples_of(TRACK)], tmp_path / "sound.webm")
    with av.open(str(sound)) as source, av.open(str(path), "w", format="webm") as target:
        video = target.add_stream("libvpx", rate=Fraction(1))
        video.width = video.height = 16
        audio = target.add_stream_from_template(source.streams.audio[0])
        for nth in range(round(TRACK.duration)):
            picture = av.VideoFrame(16, 16, "yuv420p")
            picture.pts = nth
            target.mux(video.encode(picture))
        target.mux(video.encode(None))
        for packet in source.demux():
            if packet.pts is not None:
                packet.stream = audio
                target.mux(packet)

    write_padded(str(path), tmp_path / "padded.webm", Fraction(1))
    write_mixdown([str(path)], tmp_path / "audio.mp3")

    assert_exact(TRACK, by_pyav(tmp_path / "padded.webm"), offset=Fraction(1))
    assert_exact(TRACK, by_pyav(tmp_path / "audio.mp3"))
    with av.open(str(tmp_path / "padded.webm")) as container:
        assert [stream.type for stream in container.streams] == ["audio"]


@pytest.mark.parametrize("offset_ms", [-500, -7, 0])
def test_a_negative_start_time_is_offset_0(tmp_path: Path, offset_ms: int) -> None:
    source = write_opus([samples_of(TRACK)], tmp_path / "a.webm", offset_ms=offset_ms)

    assert offset_seconds(str(source)) == 0
    write_mixdown([str(source)], tmp_path / "audio.mp3")
    assert_exact(TRACK, by_pyav(tmp_path / "audio.mp3"))


@pytest.mark.parametrize("pad", ["copied", "encoded"])
def test_after_a_backward_jump_the_track_continues(tmp_path: Path, pad: str) -> None:
    live = write_opus([samples_of(TRACK)], tmp_path / "a.webm", offset_ms=5000, live=True)
    source = turned_back(live, 3000)
    target = tmp_path / "padded.webm"

    if pad == "copied":
        write_padded(str(source), target, Fraction(5))
    else:
        write_reencoded(str(source), target, 5 * RATE)

    assert_exact(TRACK, by_pyav(target), offset=Fraction(5))


@pytest.mark.parametrize("seconds", [1 / RATE, 0.001, 0.0199, 0.02])
def test_very_short_tracks(tmp_path: Path, seconds: float) -> None:
    source = write_sound(silence(seconds) + 0.5, tmp_path / "a.wav", codec="pcm_s16le")
    samples = round(seconds * RATE)

    write_padded(str(source), tmp_path / "padded.webm", Fraction(1))
    duration = write_mixdown([str(source)], tmp_path / "audio.mp3")

    assert by_pyav(tmp_path / "padded.webm").size == RATE + samples
    assert duration == samples / RATE
    assert len(compute_peaks(str(source))) == 255


def test_lost_packets_become_silence(tmp_path: Path) -> None:
    source = write_opus([samples_of(TRACK)], tmp_path / "a.webm", lost=lambda nth: nth % 50 == 25)
    received_words = [
        word
        for word in TRACK.words
        if not any(
            nth % 50 == 25 or nth % 50 == 26  # the decoder needs one packet to recover
            for nth in range(int(word.start * 50), int((word.end + 0.007) * 50) + 1)
        )
    ]
    assert len(received_words) > 3

    write_padded(str(source), tmp_path / "padded.webm", Fraction(1))
    write_mixdown([str(source)], tmp_path / "audio.mp3")

    received = replace(TRACK, words=tuple(received_words))
    assert_exact(received, by_pyav(tmp_path / "padded.webm"), offset=Fraction(1))
    assert_exact(received, by_pyav(tmp_path / "audio.mp3"))
