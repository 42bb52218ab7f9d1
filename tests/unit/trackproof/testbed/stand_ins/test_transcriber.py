from __future__ import annotations

from pathlib import Path

import av
import httpx
import numpy as np
import pytest

from fixtures_audio import make_meeting, write_meeting
from tests.unit.trackproof.testbed.stand_ins.audio_server import serving
from tests.unit.trackproof.testbed.stand_ins.transports import bearer
from trackproof.testbed.stand_ins import StandIns, UndecodableAudioError
from trackproof.testbed.stand_ins.services.transcriber import transcribe_file


def test_service_transcribes_a_generated_track(tmp_path: Path) -> None:
    meeting = make_meeting(tracks=2, seconds=8, seed=7, offsets=[0.0, 1.5])
    paths = write_meeting(meeting, tmp_path)
    stand_ins = StandIns()
    files = {path.name: path.read_bytes() for path in paths}
    with serving(files) as audio, stand_ins.serve() as served:
        answers = [
            httpx.post(
                served.urls["modal"] + "/v1/audio/transcriptions-from-url",
                json={"audio_file_url": f"{audio.url}/{path.name}"},
                headers=bearer(stand_ins.credentials.modal_key),
                timeout=60,
            ).json()
            for path in paths
        ]

    for track, answer in zip(meeting.tracks, answers, strict=True):
        words = sorted(answer["words"], key=lambda word: word["start"])
        assert len(track.words) > 0
        assert [word["word"].strip() for word in words] == [word.text for word in track.words]
        # Times count from the first sample and exclude the track's offset.
        assert [word["start"] for word in words] == pytest.approx(
            [word.start for word in track.words], abs=0.02
        )


def test_file_that_is_no_media_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "audio"
    path.write_bytes(b"no media")

    with pytest.raises(UndecodableAudioError):
        transcribe_file(path)


def test_video_without_audio_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "screen.webm"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=5)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), dtype=np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    with pytest.raises(UndecodableAudioError, match="no audio stream"):
        transcribe_file(path)
