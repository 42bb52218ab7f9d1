"""Mutants of mixdown_tracks."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import av
import numpy as np

from reference_workers.audio import media_input, mixer
from reference_workers.errors import WorkerError
from reference_workers.platform.state.models import Transcript
from tests.mutants.model import Collection
from tests.mutants.patches import (
    change_column,
    change_event,
    change_input,
    change_output,
    drop_event,
    replace,
    rewrite,
)

TASK = "mixdown_tracks"

mutant = Collection(TASK)


@mutant("all-tracks")
def last_track_left_out() -> None:
    """The last of several tracks is not mixed."""
    change_input(
        TASK,
        lambda given: given.update(padded_urls=given["padded_urls"][:-1] or given["padded_urls"]),
    )


@mutant("all-tracks")
def ten_tracks_at_most() -> None:
    """Tracks after the tenth are not mixed."""
    change_input(TASK, lambda given: given.update(padded_urls=given["padded_urls"][:10]))


@mutant("other-formats")
def other_rates_are_skipped() -> None:
    """Frames with a sample rate other than 48 kHz are skipped."""
    rewrite(
        "audio.decoder",
        "decode_frames",
        "            for out in resampler.resample(frame):",
        """            if frame.sample_rate != RATE:
                continue
            for out in resampler.resample(frame):""",
    )


@mutant("all-tracks")
def end_lost() -> None:
    """Audio after the first 3 s is not encoded."""
    rewrite(
        "audio.mixer",
        "write_mixdown",
        "for block in limit(mix_blocks(tracks, channels)):",
        "for _, block in zip(range(6), limit(mix_blocks(tracks, channels))):",
    )


@mutant("duration")
def ends_with_the_shortest() -> None:
    """The mixdown ends with the shortest track."""
    rewrite(
        "audio.mixer",
        "mix_blocks",
        "        length = 0\n",
        "        length = here = 0\n",
        ("length = max(", "here += 1\n                length = max("),
        ("if not length:", "if here < len(tracks):"),
    )


@mutant("sample-exact")
def encoder_delay_not_told() -> None:
    """The MP3 lacks the encoder delay, so decoders add 1105 samples of silence."""
    replace("audio.mp3", "_tag", lambda _: lambda *_: b"")


@mutant("sample-exact")
def decoder_delay_told_twice() -> None:
    """The MP3's encoder delay includes the decoder's, so decoders skip 529 samples too many."""
    rewrite("audio.mp3", "_tag", "_DELAY_SAMPLES << 12", "_DELAY_SAMPLES + 529 << 12")


@mutant("other-formats")
def knows_webm_alone() -> None:
    """Containers other than WebM are treated as broken media."""
    replace("audio.media_input", "_FORMATS", lambda _: {"format_whitelist": "matroska,webm"})


@mutant("untouched-below-full-scale")
def three_decibels_of_headroom() -> None:
    """Loud words are attenuated by up to 3 dB even if the mix does not clip."""
    replace("audio.limiter", "CEILING", lambda _: 0.7)


@mutant("level")
def amix_normalises() -> None:
    """Every track's level is divided by the number of tracks, as by amix's default."""
    rewrite("audio.mixer", "mix_blocks", "+= block", "+= block / np.float32(len(tracks))")


@mutant("level")
def first_track_is_louder() -> None:
    """The first track is mixed at double level."""
    rewrite("audio.mixer", "mix_blocks", "+= block", "+= block * (2 if track is tracks[0] else 1)")


@mutant("level")
def mono_loses_3_db() -> None:
    """Mono tracks are mixed 3 dB too low, as by libav's default."""
    rewrite(
        "audio.mixer",
        "mix_blocks",
        "+= block",
        "+= block * np.float32(0.707 if len(block) == 1 else 1)",
    )


@mutant("stereo")
def right_channel_dropped() -> None:
    """The right channel is silent."""
    replace(
        "audio.mixer",
        "to_int16_stereo",
        lambda right: lambda block: right(block) * np.array([1, 0], dtype=np.int16),
    )


@mutant("stereo")
def stereo_tracks_made_mono() -> None:
    """A stereo track is downmixed to mono before the mix."""
    replace("audio.mixer", "layout_of", lambda _: lambda stream: "mono")
    replace("audio.decoder", "layout_of", lambda _: lambda stream: "mono")


@mutant("stereo")
def left_channel_twice() -> None:
    """The right channel is a copy of the left one."""
    replace(
        "audio.mixer",
        "to_int16_stereo",
        lambda right: lambda block: np.ascontiguousarray(right(block)[:, [0, 0]]),
    )


@mutant("stereo")
def samples_wrap_around() -> None:
    """Samples above full scale wrap around instead of being clipped."""
    replace("audio.mixer", "limit", lambda _: iter)
    rewrite("audio.mixer", "to_int16_stereo", ".clip(-_FULL_SCALE, _FULL_SCALE - 1)", "")


@mutant("presigned-sources")
def reads_with_its_own_key() -> None:
    """Tracks are read with the fleet's credentials instead of the presigned URLs."""
    rewrite(
        "workers.mixdown_tracks",
        "mixdown_tracks",
        "storage.presign_again(url) for url in padded_urls",
        "_fetched(storage, url, path.parent) for url in padded_urls",
    )

    def fetched(storage: Any, url: str, folder: Any) -> str:
        bucket, _, key = url.partition("?")[0].split("/", 3)[3].partition("/")
        target = folder / key.replace("/", "-")
        storage._client.download_file(bucket, key, str(target))
        return str(target)

    vars(import_module("reference_workers.workers.mixdown_tracks"))["_fetched"] = fetched


def _without(*options: str) -> None:
    for option in options:
        del media_input._REMOTE[option]


@mutant("reconnects")
def never_reconnects() -> None:
    """A lost connection is not reconnected."""
    _without(*[option for option in media_input._REMOTE if option.startswith("reconnect")])


@mutant("reconnects")
def gives_up_on_a_busy_server() -> None:
    """A 503 on reconnect is treated as the end of the audio."""
    _without("reconnect_on_http_error")


@mutant("reconnects")
def cut_tracks_are_taken_for_whole() -> None:
    """A lost connection ends the track without an error."""
    never_reconnects()
    rewrite(
        "audio.media_input",
        "packets",
        "raise worker_error(container.name, what, error) from error",
        "return",
    )
    replace("audio.media_input", "_check_complete", lambda _: lambda *_: None)


@mutant("mp3")
def writes_ogg() -> None:
    """The mixdown is Ogg/Opus under the name of an MP3."""

    def make(mix: Any) -> Any:
        def as_ogg(sources: Any, target: Path) -> float:
            seconds: float = mix(sources, target)
            with av.open(str(target)) as mp3, av.open(f"{target}.ogg", "w") as ogg:
                encoder = ogg.add_stream("libopus", rate=48_000, layout="stereo")
                for frame in mp3.decode(audio=0):
                    ogg.mux(encoder.encode(frame))
                ogg.mux(encoder.encode(None))
            Path(f"{target}.ogg").replace(target)
            return seconds

        return as_ogg

    replace("workers.mixdown_tracks", "write_mixdown", make)


@mutant("key")
def other_name() -> None:
    """The mixdown is stored under another key."""
    replace("workers.mixdown_tracks", "audio_key", lambda _: lambda tid: f"{tid}/mixdown.mp3")


@mutant("key")
def transcript_left_out() -> None:
    """The key lacks the transcript id, so meetings overwrite each other."""
    replace("workers.mixdown_tracks", "audio_key", lambda _: lambda tid: "audio.mp3")


@mutant("key")
def url_instead_of_key() -> None:
    """audio_key is a URL."""
    change_output(TASK, lambda out: out.update(audio_key=f"s3://transcripts/{out['audio_key']}"))


@mutant("duration")
def duration_in_milliseconds() -> None:
    """The duration is in milliseconds."""
    change_output(TASK, lambda out: out.update(duration=out["duration"] * 1000))


@mutant("duration")
def event_forgotten() -> None:
    """DURATION is never emitted."""
    drop_event("DURATION")


@mutant("duration")
def event_of_whole_seconds() -> None:
    """DURATION is rounded to whole seconds."""
    change_event("DURATION", lambda data: {"duration": data["duration"] // 2})


@mutant("duration")
def not_stored() -> None:
    """The duration is not stored."""
    change_column(Transcript.duration, lambda _: None)


def _leave_out(what: str) -> None:
    rewrite(
        "audio.mixer",
        "write_mixdown",
        "for source in sources:",
        "for source in _openable(sources):",
    )

    def openable(sources: Any) -> Any:
        for source in sources:
            try:
                with media_input.open_audio(source):
                    pass
                yield source
            except WorkerError as error:
                if what not in str(error):
                    raise

    vars(mixer)["_openable"] = openable


@mutant("lost-track")
def lost_tracks_are_left_out() -> None:
    """An unreadable track is dropped without an error."""
    _leave_out("")


@mutant("lost-track")
def silent_tracks_are_left_out() -> None:
    """A track without an audio stream is dropped without an error."""
    _leave_out("no audio stream")


@mutant("lost-track")
def truncated_track_passes() -> None:
    """A truncated track is mixed without an error."""
    replace("audio.media_input", "_check_complete", lambda _: lambda *_: None)


@mutant("pauses")
def long_pauses_are_cut() -> None:
    """A pause is filled with 2 s of silence at most."""
    rewrite(
        "audio.decoder",
        "decode_frames",
        "yield from _silence(layout, start - position)",
        "yield from _silence(layout, min(start - position, 2 * RATE))",
    )


@mutant("pauses")
def only_the_first_pause_is_filled() -> None:
    """Only the first pause of a track is filled with silence."""
    rewrite(
        "audio.decoder",
        "decode_frames",
        "yield from _silence(layout, start - position)",
        "yield from () if silent else _silence(layout, start - position)",
    )
