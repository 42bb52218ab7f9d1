from __future__ import annotations

import pytest

from reference_workers.errors import PermanentError
from reference_workers.platform.trigger.tracks import check_track_key, filter_cam_audio_tracks

ADA, ADA_AGAIN, BOB = (
    "acme/r/1700-ada-cam-audio-1701",
    "acme/r/1700-ada-cam-audio-1790",
    "acme/r/1700-5e6f-bob-cam-audio-1702.webm",
)


def test_only_microphone_tracks_remain_in_order() -> None:
    keys = [
        ADA,
        "acme/r/1700-ada-cam-video-1701",
        "acme/r/1700-ada-screen-audio-1703",
        "acme/r/1700-ada-screen-video-1703",
        BOB,
        ADA_AGAIN,  # she rejoined
        "acme/cam-audio-1/1700-eve-screen-video-1704",
        "acme/r/cam-audio-",
    ]

    assert filter_cam_audio_tracks(keys) == [ADA, BOB, ADA_AGAIN]


def test_a_track_that_is_listed_twice_is_one() -> None:
    assert filter_cam_audio_tracks([ADA, BOB, ADA]) == [ADA, BOB]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (None, "no key"),
        ("", "no key"),
        (7, "no key"),
        ("acme/\n-cam-audio-1", "control characters"),
        ("acme/\x00-cam-audio-1", "control characters"),
        ("acme/\ud83d-cam-audio-1", "control characters"),
        ("acme/../other/1-a-cam-audio-1", "leaves its folder"),
        ("..", "leaves its folder"),
        ("/acme/1-a-cam-audio-1", "leaves its folder"),
        ("é" * 513, "longer than 1024 bytes"),
    ],
)
def test_unsafe_keys_are_refused_with_a_short_reason(key: object, reason: str) -> None:
    with pytest.raises(PermanentError, match=reason) as caught:
        check_track_key(key)

    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("key", [ADA, "acme/Zoë's room/1 +%20..a-cam-audio-1", "a" * 1024])
def test_other_keys_stay_as_they_are(key: str) -> None:
    assert check_track_key(key) == key
