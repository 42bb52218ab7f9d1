"""Mutants of mixdown_tracks."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from reference_workers.audio import decoding, mixing
from reference_workers.errors import WorkerError
from reference_workers.state.models import Transcript
from tests.mutants.model import Collection
from tests.mutants.patching import (
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
    """The last track is not mixed, but where it is alone."""
    change_input(
        TASK,
        lambda given: given.update(padded_urls=given["padded_urls"][:-1] or given["padded_urls"]),
    )


@mutant("all-tracks")
def ten_tracks_at_most() -> None:
    """Tracks beyond the tenth are not mixed."""
    change_input(TASK, lambda given: given.update(padded_urls=given["padded_urls"][:10]))


@mutant("all-tracks")
def other_rates_are_skipped() -> None:
    """Frames of another rate than 48 kHz are skipped."""
    rewrite(
        "audio.decoding",
        "frames",
        "            for out in resampler.resample(frame):",
        """            if frame.sample_rate != RATE:
                continue
            for out in resampler.resample(frame):""",
    )


@mutant("all-tracks")
def encoder_not_flushed() -> None:
    """The encoder's last frames are lost."""
    rewrite("audio.mixing", "write_mixdown", "        output.mux(encoder.encode(None))\n", "")


@mutant("all-tracks", "duration")
def ends_with_the_shortest() -> None:
    """The mixdown ends with the first track that ends."""
    rewrite("audio.mixing", "_mixer", "duration=longest", "duration=shortest")


@mutant("level")
def amix_normalises() -> None:
    """The filter amix divides every track's level by their number."""
    rewrite("audio.mixing", "_mixer", "normalize=0", "normalize=1")


@mutant("level")
def first_track_is_louder() -> None:
    """The first track is mixed at twice its level."""
    rewrite("audio.mixing", "_mixer", "normalize=0", "normalize=0:weights=2 1")


@mutant("level")
def mono_loses_3_db() -> None:
    """Mono tracks come into the stereo mix at 3 dB less, as libav does it by itself."""
    rewrite("audio.mixing", "_mixer", "c0=c0|c1=c0", "c0=0.707*c0|c1=0.707*c0")


@mutant("stereo")
def right_channel_dropped() -> None:
    """Only the left channel is filled."""
    rewrite("audio.mixing", "_mixer", "channel_layouts=stereo", "channel_layouts=mono")


@mutant("stereo")
def stereo_tracks_made_mono() -> None:
    """A stereo track's two channels are mixed into one before the mix."""
    replace("audio.mixing", "layout_of", lambda _: lambda stream: "mono")
    replace("audio.decoding", "layout_of", lambda _: lambda stream: "mono")


@mutant("stereo")
def left_channel_twice() -> None:
    """The right channel carries the left one again."""
    rewrite(
        "audio.mixing",
        "_mixer",
        "    mix.link_to(shape)",
        """    twice = graph.add("pan", "stereo|c0=c0|c1=c0")
    mix.link_to(twice)
    twice.link_to(shape)""",
    )


@mutant("stereo")
def samples_stay_floats() -> None:
    """The mix is encoded from floats, which know no full scale."""
    rewrite("audio.mixing", "_mixer", "sample_fmts=s16p", "sample_fmts=fltp")


@mutant("presigned-sources")
def reads_with_its_own_key() -> None:
    """Tracks are fetched by their keys, with the fleet's own."""
    rewrite(
        "workers.mixdown_tracks",
        "mixdown_tracks",
        "storage.freshly_signed(url) for url in padded_urls",
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
        del decoding._OPEN_OPTIONS[option]


@mutant("reconnects")
def never_reconnects() -> None:
    """A connection that is cut is not taken up again."""
    _without(*[option for option in decoding._OPEN_OPTIONS if option.startswith("reconnect")])


@mutant("reconnects")
def gives_up_on_a_busy_server() -> None:
    """A 503 on reconnecting is taken for the end of the audio."""
    _without("reconnect_on_http_error")


@mutant("reconnects")
def cut_tracks_are_taken_for_whole() -> None:
    """A connection that is cut ends the track, and nobody notices."""
    never_reconnects()
    rewrite(
        "audio.decoding",
        "_timed",
        "if declared is not None and end < declared - _MISSING_SECONDS:",
        "if False:",
    )


@mutant("mp3")
def writes_ogg() -> None:
    """The mixdown is Ogg/Opus, whatever its name says."""
    rewrite(
        "audio.mixing",
        "write_mixdown",
        'format="mp3"',
        'format="ogg"',
        ('"libmp3lame"', '"libopus"'),
    )
    rewrite("audio.mixing", "_mixer", "sample_fmts=s16p", "sample_fmts=s16")


@mutant("key")
def other_name() -> None:
    """The mixdown is stored under another name."""
    replace("workers.mixdown_tracks", "audio_key", lambda _: lambda tid: f"{tid}/mixdown.mp3")


@mutant("key")
def transcript_left_out() -> None:
    """The key lacks the transcript: meetings overwrite each other."""
    replace("workers.mixdown_tracks", "audio_key", lambda _: lambda tid: "audio.mp3")


@mutant("key")
def url_instead_of_key() -> None:
    """audio_key is a URL."""
    change_output(TASK, lambda out: out.update(audio_key=f"s3://transcripts/{out['audio_key']}"))


@mutant("duration")
def duration_in_milliseconds() -> None:
    """The duration is given in milliseconds."""
    change_output(TASK, lambda out: out.update(duration=out["duration"] * 1000))


@mutant("duration")
def event_forgotten() -> None:
    """DURATION is never emitted."""
    drop_event("DURATION")


@mutant("duration")
def event_of_whole_seconds() -> None:
    """DURATION tells whole seconds."""
    change_event("DURATION", lambda data: {"duration": data["duration"] // 2})


@mutant("duration")
def not_stored() -> None:
    """The transcript keeps no duration."""
    change_column(Transcript.duration, lambda _: None)


def _leave_out(what: str) -> None:
    rewrite(
        "audio.mixing",
        "write_mixdown",
        "[stack.enter_context(opened(source)) for source in sources]",
        "list(_openable(stack, sources))",
    )

    def openable(stack: Any, sources: Any) -> Any:
        for source in sources:
            try:
                yield stack.enter_context(decoding.opened(source))
            except WorkerError as error:
                if what not in str(error):
                    raise

    vars(mixing)["_openable"] = openable


@mutant("lost-track")
def lost_tracks_are_left_out() -> None:
    """A track that cannot be opened is left out in silence."""
    _leave_out("")


@mutant("lost-track")
def silent_tracks_are_left_out() -> None:
    """A track without audio is left out in silence."""
    _leave_out("no audio stream")


@mutant("lost-track")
def truncated_track_passes() -> None:
    """A track that breaks off is mixed as if it were whole."""
    rewrite(
        "audio.decoding",
        "_declared_end",
        "return Fraction(container.duration, av.time_base)",
        "return None",
    )
