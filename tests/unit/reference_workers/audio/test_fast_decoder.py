from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import numpy as np
import pytest
from av.audio.frame import AudioFrame
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fixtures_audio import make_meeting, write_meeting
from reference_workers.audio import RATE
from reference_workers.audio.decoder import BLOCK_SAMPLES, decode_blocks
from reference_workers.audio.fast_decoder import decode_unchecked
from reference_workers.audio.media_input import open_audio
from reference_workers.audio.mixer import write_mixdown
from tests.unit.reference_workers.audio.audio_server import FAULTS, Answer, ServedFile, serving
from tests.unit.reference_workers.signals import Samples, samples_of, write_sound

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("TRACKPROOF_AUDIO_EXAMPLES", "5"))

SOUND = samples_of(make_meeting(tracks=1, seconds=5.5, seed=3).tracks[0])


@pytest.fixture(scope="module")
def mixdown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mixdown of 8.123 s."""
    folder = tmp_path_factory.mktemp("mixdown")
    tracks = write_meeting(make_meeting(tracks=2, seconds=8.123), folder)
    write_mixdown([str(track) for track in tracks], folder / "audio.mp3")
    return folder / "audio.mp3"


def unchecked(source: str) -> Samples:
    """Return all samples decoded without checks, one row for each channel."""
    frames = list(decode_unchecked(source))
    assert all(frame.samples == BLOCK_SAMPLES for frame in frames[:-1])
    nothing = np.empty((2, 0), np.float32)
    return np.concatenate([_rows(frame) for frame in frames] or [nothing], axis=1)


def _rows(frame: AudioFrame) -> Samples:
    interleaved = frame.to_ndarray().astype(np.float32)
    return interleaved.reshape(-1, frame.layout.nb_channels).T


def checked(source: str) -> Samples:
    """Return all samples decoded with checks."""
    with open_audio(source) as (container, stream):
        return np.concatenate(list(decode_blocks(container, stream)), axis=1)


def test_a_mixdown_decodes_as_with_checks(mixdown: Path) -> None:
    assert unchecked(str(mixdown)).shape == (2, round(8.123 * RATE))
    assert np.array_equal(unchecked(str(mixdown)), checked(str(mixdown)))


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_mp3_decodes_as_with_checks(tmp_path: Path, rate: int, channels: int) -> None:
    path = write_sound(SOUND, tmp_path / "a.mp3", codec="libmp3lame", rate=rate, channels=channels)

    actual, expected = unchecked(str(path)), checked(str(path))

    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() < 1e-6


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    name=st.text(
        st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=30
    ).filter(lambda name: name.strip("."))
)
@example(name="a'b\\c:d,e;f[g]h=i|j k@l%m")
@example(name=" ,anullsrc=n=9, ")
@example(name="concat:a|b")
def test_file_names_are_escaped(mixdown: Path, name: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        shutil.copy(mixdown, path)

        assert sum(frame.samples for frame in decode_unchecked(str(path))) == round(8.123 * RATE)


@settings(max_examples=EXAMPLES, deadline=None)
@given(query=st.text(st.characters(codec="ascii", min_codepoint=33), max_size=30))
@example(query="a=b:c'd,e;f[g]\\h")
def test_urls_are_escaped(mixdown: Path, query: str) -> None:
    # Characters that no URL may contain are quoted, as boto does.
    query = quote(query, safe="!$&'()*+,;=:@/?%[]\\|~")
    with serving(mixdown.read_bytes()) as source:
        url = f"{source.url}&{query}"

        assert sum(frame.samples for frame in decode_unchecked(url)) == round(8.123 * RATE)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("short_read_timeout")
def test_no_audio_is_lost_on_a_faulty_server(mixdown: Path, fault: str) -> None:
    """The server runs on a thread of this process and could not answer if the GIL were held."""
    with serving(mixdown.read_bytes(), FAULTS[fault]) as source:
        assert np.array_equal(unchecked(source.url), unchecked(str(mixdown)))


LOST: dict[str, Callable[[bytes], AbstractContextManager[ServedFile]]] = {
    "gone": lambda content: serving(content, then=Answer(status=404)),
    "refused": lambda content: serving(content, then=Answer(status=403)),
    "no media": lambda _: serving(b"<Error>AccessDenied</Error>" * 1000),
    "cut, then gone": lambda content: serving(content, [Answer(part=0.5)], then=Answer(status=404)),
    "always cut": lambda content: serving(content, then=Answer(part=0.5), ranges=False),
    "a part": lambda content: serving(content[: len(content) // 2]),
    "damaged": lambda content: serving(content[:50_000] + b"\0" * 5000 + content[55_000:]),
}


@pytest.mark.parametrize("loss", LOST)
@pytest.mark.usefixtures("no_reconnect_delay")
def test_a_read_error_ends_the_audio_silently(
    mixdown: Path, loss: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with LOST[loss](mixdown.read_bytes()) as source:
        samples = unchecked(source.url).shape[1]

    assert samples < round(8.123 * RATE)
    assert capfd.readouterr() == ("", "")  # libav would print the URL


def test_playlist_entries_are_not_fetched(mixdown: Path) -> None:
    with serving(mixdown.read_bytes()) as inside:
        playlist = f"#EXTM3U\n#EXTINF:30,\n{inside.url}\n#EXT-X-ENDLIST\n".encode()
        with serving(playlist) as source:
            assert not unchecked(source.url).size

    assert inside.ranges == []


def test_a_local_file_cannot_reference_a_url(mixdown: Path, tmp_path: Path) -> None:
    with serving(mixdown.read_bytes()) as inside:
        reference = tmp_path / "audio.mp3"
        reference.write_text(f"ffconcat version 1.0\nfile '{inside.url}'\n")

        assert not unchecked(str(reference)).size

    assert inside.ranges == []
