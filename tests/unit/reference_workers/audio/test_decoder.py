from __future__ import annotations

import socket
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.container import InputContainer

from fixtures_audio import make_meeting, write_track
from reference_workers.audio import RATE, media_input
from reference_workers.audio.decoder import decode_frames
from reference_workers.audio.media_input import open_audio, start_time
from reference_workers.errors import PermanentError, TransientError
from tests.unit.reference_workers.signals import (
    breaking_server,
    silence,
    write_picture,
    write_sound,
)


def positions(source: str) -> list[tuple[int, int]]:
    """Return position and length, in samples, of each frame that is not a filled gap."""
    frames, position = [], 0
    with open_audio(source) as (container, stream):
        for frame in decode_frames(container, stream):
            if frame.pts is not None:
                frames.append((position, frame.samples))
            position += frame.samples
    return frames


@pytest.fixture
def late_joiner(tmp_path: Path) -> Path:
    path = tmp_path / "late.webm"
    write_track(make_meeting(tracks=2, seconds=12, offsets=[0, 3.217]).tracks[1], path)
    return path


def test_an_offset_is_read_exactly(late_joiner: Path) -> None:
    with open_audio(str(late_joiner)) as (container, stream):
        assert start_time(container, stream) == Fraction(3217, 1000)


@pytest.mark.parametrize(("start", "offset"), [(None, 0), (-7, 0), (0, 0), (1, Fraction(1, 1000))])
def test_a_missing_or_negative_start_time_is_offset_0(start: int | None, offset: Fraction) -> None:
    container = SimpleNamespace(format=SimpleNamespace(name="matroska,webm"))
    stream = SimpleNamespace(start_time=start, time_base=Fraction(1, 1000))

    assert start_time(cast("InputContainer", container), cast("AudioStream", stream)) == offset


def test_the_encoder_delay_of_an_mp3_is_not_an_offset(tmp_path: Path) -> None:
    path = write_sound(silence(1), tmp_path / "a.mp3", codec="libmp3lame")

    with open_audio(str(path)) as (container, stream):
        assert stream.start_time
        assert start_time(container, stream) == 0


def test_a_gap_keeps_its_exact_length(tmp_path: Path) -> None:
    track = make_meeting(tracks=2, seconds=20, offsets=[0, 1.5]).tracks[1]
    assert track.gaps
    path = tmp_path / "muted.webm"
    write_track(track, path)

    frames = positions(str(path))

    jumps = [
        (begins + samples, following)
        for (begins, samples), (following, _) in pairwise(frames)
        if following != begins + samples
    ]
    ends = [(round(end * RATE) - 312) for _, end in track.gaps]
    assert [to for _, to in jumps] == ends
    lengths = [to - since for since, to in jumps]
    assert lengths == [round((end - start) * RATE) for start, end in track.gaps]


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_rate_is_decoded_at_48_khz_in_full_length(
    tmp_path: Path, rate: int, channels: int
) -> None:
    path = write_sound(
        silence(1.5), tmp_path / "a.wav", codec="pcm_s16le", rate=rate, channels=channels
    )

    with open_audio(str(path)) as (container, stream):
        frames = list(decode_frames(container, stream))

    assert {frame.sample_rate for frame in frames} == {48_000}
    assert {frame.layout.nb_channels for frame in frames} == {channels}
    assert sum(frame.samples for frame in frames) == pytest.approx(72_000, abs=24)


@pytest.mark.parametrize("content", [b"", b"no media at all", b"\x1a\x45\xdf\xa3" + b"\0" * 100])
def test_invalid_media_is_a_permanent_failure(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.webm"
    path.write_bytes(content)

    with pytest.raises(PermanentError, match="audio cannot be opened"), open_audio(str(path)):
        pass


def test_media_without_audio_is_a_permanent_failure(tmp_path: Path) -> None:
    path = write_picture(tmp_path / "picture.webm")

    with pytest.raises(PermanentError, match="no audio stream"), open_audio(str(path)):
        pass


def test_a_missing_file_is_a_permanent_failure(tmp_path: Path) -> None:
    with (
        pytest.raises(PermanentError, match="audio cannot be opened"),
        open_audio(str(tmp_path / "none.webm")),
    ):
        pass


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.usefixtures("no_reconnect_delay")
def test_a_busy_server_is_a_transient_failure(status: int) -> None:
    with (
        breaking_server(b"", then=status) as url,
        pytest.raises(TransientError, match="audio cannot be opened") as caught,
        open_audio(url),
    ):
        pass

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusing_server_is_a_permanent_failure(status: int) -> None:
    with (
        breaking_server(b"", then=status) as url,
        pytest.raises(PermanentError, match="audio cannot be opened") as caught,
        open_audio(url),
    ):
        pass

    assert "secret" not in str(caught.value)


@pytest.mark.usefixtures("no_reconnect_delay")
def test_a_closed_port_is_a_transient_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(TransientError), open_audio(f"http://127.0.0.1:{port}/track.webm"):
        pass


@pytest.mark.usefixtures("no_reconnect_delay")
def test_a_hanging_server_is_a_transient_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "rw_timeout" in media_input._REMOTE
    monkeypatch.setitem(media_input._REMOTE, "rw_timeout", "50000")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/track.webm"

        with pytest.raises(TransientError), open_audio(url):
            pass


@pytest.mark.parametrize("status", [403, 404, 503])
@pytest.mark.usefixtures("no_reconnect_delay")
def test_a_lost_connection_is_a_transient_failure(late_joiner: Path, status: int) -> None:
    with (
        breaking_server(late_joiner.read_bytes(), then=status) as url,
        pytest.raises(TransientError, match="audio is cut off") as caught,
    ):
        positions(url)

    assert "secret" not in str(caught.value)


def test_a_truncated_file_is_a_transient_failure(late_joiner: Path) -> None:
    whole = late_joiner.read_bytes()
    late_joiner.write_bytes(whole[: len(whole) * 2 // 3])

    with pytest.raises(TransientError, match=r"cut off at .* s of .* s"):
        positions(str(late_joiner))


def test_the_whole_track_is_read(late_joiner: Path) -> None:
    track = make_meeting(tracks=2, seconds=12, offsets=[0, 3.217]).tracks[1]

    begins, samples = positions(str(late_joiner))[-1]

    assert begins + samples == pytest.approx(track.duration * RATE, abs=1)


def test_a_live_recording_without_a_declared_end_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "live.webm"
    with av.open(str(path), "w", format="webm", options={"live": "1"}) as container:
        stream = container.add_stream("libopus", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, RATE), dtype=np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    assert sum(samples for _, samples in positions(str(path))) == pytest.approx(RATE, abs=960)
