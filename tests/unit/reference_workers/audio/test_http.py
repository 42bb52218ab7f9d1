from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path

import pytest

from fixtures_audio import Track, make_meeting, write_track
from reference_workers.audio import RATE
from reference_workers.audio.mixer import write_mixdown
from reference_workers.audio.padding import write_padded, write_reencoded
from reference_workers.audio.waveform import compute_peaks
from reference_workers.errors import PermanentError, TransientError
from tests.unit.reference_workers.audio.audio_server import FAULTS, Answer, ServedFile, serving
from tests.unit.reference_workers.audio.exactness import assert_exact, by_pyav
from tests.unit.reference_workers.audio.recordings import write_opus
from tests.unit.reference_workers.signals import samples_of, write_sound

pytestmark = pytest.mark.slow

Job = Callable[[str, Path], object]


def pad(url: str, target: Path) -> None:
    write_padded(url, target, Fraction(1))


def encode(url: str, target: Path) -> None:
    write_reencoded(url, target, RATE)


def mix(url: str, target: Path) -> None:
    write_mixdown([url], target)


def draw(url: str, target: Path) -> None:
    target.write_text(str(compute_peaks(url)))


@pytest.fixture(scope="module")
def track() -> Track:
    return make_meeting(tracks=1, seconds=30, seed=4).tracks[0]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("recorded") / "track.webm"
    write_track(make_meeting(tracks=1, seconds=10, seed=4).tracks[0], path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("job", "fault"),
    [*((mix, fault) for fault in FAULTS), *((job, "cut once") for job in (pad, encode, draw))],
)
@pytest.mark.usefixtures("short_read_timeout")
def test_no_audio_is_lost_on_a_faulty_server(
    tmp_path: Path, recorded: bytes, fault: str, job: Job
) -> None:
    undisturbed = tmp_path / "source.webm"
    undisturbed.write_bytes(recorded)
    job(str(undisturbed), tmp_path / "expected")

    with serving(recorded, FAULTS[fault]) as source:
        job(source.url, tmp_path / "made")

    assert (tmp_path / "made").read_bytes() == (tmp_path / "expected").read_bytes()


def test_a_server_without_ranges_is_read_in_one_request(tmp_path: Path, recorded: bytes) -> None:
    undisturbed = tmp_path / "source.webm"
    undisturbed.write_bytes(recorded)
    mix(str(undisturbed), tmp_path / "expected")

    with serving(recorded, ranges=False) as source:
        mix(source.url, tmp_path / "made")

    assert (tmp_path / "made").read_bytes() == (tmp_path / "expected").read_bytes()


CUT = Answer(part=0.5)
LOST: dict[str, Callable[[bytes], AbstractContextManager[ServedFile]]] = {
    "cut, then gone": lambda content: serving(content, [CUT], then=Answer(status=404)),
    "cut, then refused": lambda content: serving(content, [CUT], then=Answer(status=403)),
    "cut, then 503 for good": lambda content: serving(content, [CUT], then=Answer(status=503)),
    "cut, and no ranges": lambda content: serving(content, [CUT], ranges=False),
}
FORMATS: dict[str, Callable[[Track, Path], Path]] = {
    "webm": lambda track, path: write_opus([samples_of(track)], path),
    "live webm": lambda track, path: write_opus([samples_of(track)], path, live=True),
    "mp3": lambda track, path: write_sound(samples_of(track), path, codec="libmp3lame"),
    "wav": lambda track, path: write_sound(samples_of(track), path, codec="pcm_s16le"),
    "mp4": lambda track, path: write_sound(samples_of(track), path, codec="aac"),
    "ogg": lambda track, path: write_sound(samples_of(track), path),
}


@pytest.fixture(scope="module")
def in_every_format(track: Track, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("formats")
    return {
        name: write(track, folder / f"track.{name.split()[-1]}").read_bytes()
        for name, write in FORMATS.items()
    }


@pytest.mark.parametrize("format_", FORMATS)
def test_a_complete_track_of_any_format(
    tmp_path: Path, track: Track, in_every_format: dict[str, bytes], format_: str
) -> None:
    with serving(in_every_format[format_]) as source:
        mix(source.url, tmp_path / "audio.mp3")

    assert_exact(track, by_pyav(tmp_path / "audio.mp3"))


@pytest.mark.parametrize("loss", LOST)
@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.usefixtures("no_reconnect_delay")
def test_a_truncated_track_is_never_complete(
    tmp_path: Path, in_every_format: dict[str, bytes], format_: str, loss: str
) -> None:
    with (
        LOST[loss](in_every_format[format_]) as source,
        pytest.raises((TransientError, PermanentError), match=r"recordings/a track\.webm") as error,
    ):
        mix(source.url, tmp_path / "audio.mp3")

    assert "secret" not in str(error.value)
    if "webm" in format_:
        assert isinstance(error.value, TransientError)


@pytest.mark.usefixtures("no_reconnect_delay")
def test_the_failed_track_is_named(tmp_path: Path, recorded: bytes) -> None:
    with (
        serving(recorded) as good,
        serving(recorded, [CUT], then=Answer(status=503)) as bad,
        pytest.raises(TransientError, match=r"recordings/a track\.webm: audio is cut off"),
    ):
        write_mixdown([good.url, bad.url], tmp_path / "audio.mp3")


def test_playlist_entries_are_not_fetched(tmp_path: Path, recorded: bytes) -> None:
    with serving(recorded) as inside:
        playlist = f"#EXTM3U\n#EXTINF:30,\n{inside.url}\n#EXT-X-ENDLIST\n".encode()
        with serving(playlist) as source, pytest.raises(PermanentError, match="cannot be opened"):
            mix(source.url, tmp_path / "audio.mp3")

    assert inside.ranges == []


@pytest.mark.usefixtures("no_reconnect_delay")
def test_a_server_without_an_answer_is_not_an_empty_file(tmp_path: Path, recorded: bytes) -> None:
    nothing = Answer(drops=True)
    with serving(recorded, then=nothing) as source, pytest.raises(TransientError) as caught:
        pad(source.url, tmp_path / "padded.webm")
    assert "secret" not in str(caught.value)

    with (
        serving(b"") as source,
        pytest.raises(PermanentError, match=r"a track\.webm: audio cannot be opened"),
    ):
        pad(source.url, tmp_path / "padded.webm")
