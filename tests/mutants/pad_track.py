"""Mutants of pad_track."""

from __future__ import annotations

from typing import Any

from reference_workers.audio import RATE
from reference_workers.audio.remux import NotRemuxableError
from reference_workers.errors import PermanentError, WorkerError
from reference_workers.services.storage import Storage
from reference_workers.workers import Worker
from tests.mutants.model import Collection
from tests.mutants.patches import around, change_output, replace, rewrite

TASK = "pad_track"

mutant = Collection(TASK)


def _never_copied() -> None:
    def encoded_anew(*_: Any) -> None:
        raise NotRemuxableError

    replace("audio.padding", "write_remuxed", lambda _: encoded_anew)


@mutant("source-url")
def reads_with_its_own_key() -> None:
    """The raw track is read with the fleet's credentials instead of a presigned URL."""

    def make(work: Worker) -> Worker:
        def fetching(context: Any, **inputs: Any) -> dict[str, Any]:
            storage: Storage = context.clients.storage
            storage._client.get_object(Bucket=inputs["bucket_name"], Key=inputs["s3_key"])
            return work(context, **inputs)

        return fetching

    around(TASK, make)


@mutant("source-url")
def busy_s3_is_final() -> None:
    """A transient S3 error fails the task terminally."""
    replace("services.storage", "_error_class", lambda _: lambda status: PermanentError)


@mutant("offset")
def offset_in_seconds() -> None:
    """The offset in seconds is used as milliseconds."""
    rewrite("audio.padding", "delay_samples", "offset * RATE", "offset * RATE / 1000")


@mutant("offset")
def offset_ignored() -> None:
    """No track is padded."""
    rewrite(
        "audio.padding",
        "offset_seconds",
        "return start_time(container, stream)",
        "return Fraction(0)",
    )


@mutant("offset")
def padded_twice() -> None:
    """The silence is twice as long as the offset."""
    rewrite("audio.padding", "delay_samples", "offset * RATE", "offset * RATE * 2")


@mutant("offset")
def end_lost() -> None:
    """Audio after the first 3 s is dropped."""
    rewrite(
        "audio.remux",
        "_contiguous_packets",
        "        position += samples\n",
        "        position += samples\n        if position > 3 * RATE:\n            return\n",
    )
    rewrite(
        "audio.padding",
        "write_reencoded",
        "            read += frame.samples\n",
        "            if (read := read + frame.samples) > 3 * RATE:\n                break\n",
    )


@mutant("offset")
def other_rates_play_too_fast() -> None:
    """44.1 kHz audio is read as 48 kHz audio."""
    rewrite(
        "audio.decoder",
        "decode_frames",
        "            for out in resampler.resample(frame):",
        """            frame.sample_rate = RATE
            for out in resampler.resample(frame):""",
    )


@mutant("no-start-time")
def negative_time_is_padded() -> None:
    """A negative start_time is padded by its absolute value."""
    rewrite("audio.media_input", "start_time", "max(Fraction(0), stream", "abs(stream")


@mutant("no-start-time")
def missing_time_is_an_error() -> None:
    """A track without a start_time fails the task."""
    rewrite(
        "audio.media_input",
        "start_time",
        "        return Fraction(0)\n",
        '        raise PermanentError("no start_time")\n',
    )


@mutant("chain")
def gaps_are_closed() -> None:
    """Gaps between packets are dropped."""
    rewrite("audio.decoder", "decode_frames", "if start > position:", "if start < 0:")
    rewrite(
        "audio.remux",
        "_contiguous_packets",
        "if abs(time - origin - position) > JITTER_SAMPLES:",
        "if time < origin:",
    )


@mutant("chain")
def short_gaps_are_closed() -> None:
    """Gaps of less than a second are dropped."""
    replace("audio.clock", "JITTER_SAMPLES", lambda _: RATE)
    rewrite("audio.remux", "_contiguous_packets", "> JITTER_SAMPLES", "> RATE")


@mutant("milliseconds")
def floats_are_cut() -> None:
    """The offset is computed in floats, which makes 1.001 s 1000 ms."""
    rewrite(
        "audio.padding", "delay_samples", "round(offset * RATE)", "int(float(offset) * 1000) * 48"
    )


@mutant("milliseconds")
def whole_hundredths() -> None:
    """The offset is rounded to 10 ms."""
    rewrite(
        "audio.padding",
        "delay_samples",
        "round(offset * RATE)",
        "round(offset * 100) * RATE // 100",
    )


@mutant("sample-exact")
def pre_skip_of_whole_milliseconds() -> None:
    """The pre-skip is rounded down to whole milliseconds: 6.5 ms become 6 ms."""
    rewrite(
        "audio.remux",
        "write_remuxed",
        "silent * SILENCE_SAMPLES - lead",
        "silent * SILENCE_SAMPLES - lead - RATE // 2000",
    )


@mutant("sample-exact")
def gaps_of_whole_packets() -> None:
    """Gaps are filled with whole packets, so later words are up to 20 ms early."""
    rewrite(
        "audio.decoder",
        "decode_frames",
        "_silence(layout, start - position)",
        "_silence(layout, start // 960 * 960 - position)",
    )


@mutant("stereo")
def left_channel_alone_is_delayed() -> None:
    """The adelay filter has one delay and so delays only one channel."""
    _never_copied()
    rewrite("audio.padding", "_chain", ":all=1", "")


@mutant("stereo")
def stereo_becomes_mono() -> None:
    """A stereo track is downmixed to mono."""
    _never_copied()
    replace("audio.padding", "layout_of", lambda _: lambda stream: "mono")
    replace("audio.decoder", "layout_of", lambda _: lambda stream: "mono")


@mutant("not-needed")
def always_written() -> None:
    """A track without an offset is encoded and stored."""
    rewrite("workers.pad_track", "pad_track", "if offset <= 0 and", "if offset < 0 and")


@mutant("start-time-zero")
def keeps_its_old_times() -> None:
    """The padded track keeps its start_time, so a reader pads it twice."""
    _never_copied()
    rewrite(
        "audio.padding", "write_reencoded", "_at(written, padded)", "_at(written + lead, padded)"
    )


def _key(template: str) -> None:
    replace(
        "workers.pad_track",
        "padded_key",
        lambda _: lambda transcript, track: template.format(transcript, track % 10, track + 1),
    )


@mutant("upload")
def index_of_one_digit() -> None:
    """Track 10 overwrites track 0."""
    _key("{0}/padded_track_{1}.webm")


@mutant("upload")
def counted_from_1() -> None:
    """The keys count tracks from 1."""
    _key("{0}/padded_track_{2}.webm")


@mutant("upload")
def transcript_left_out() -> None:
    """The key lacks the transcript id, so meetings overwrite each other."""
    _key("padded_track_{1}.webm")


@mutant("upload")
def another_index_is_told() -> None:
    """The output has a wrong track_index."""
    change_output(TASK, lambda out: out.update(track_index=out["track_index"] + 1))


@mutant("presigned")
def valid_for_an_hour() -> None:
    """padded_url expires after 3600 s."""
    replace("services.storage", "PRESIGN_SECONDS", lambda _: 3600)


@mutant("presigned")
def size_of_the_source() -> None:
    """The output has the size of the raw track."""
    rewrite(
        "workers.pad_track",
        "pad_track",
        "        size = storage.put_file",
        "        storage.put_file",
    )


@mutant("broken-media")
def broken_media_is_tried_again() -> None:
    """Broken media is retried."""
    rewrite("audio.media_input", "open_audio", "raise PermanentError(", "raise TransientError(")


@mutant("broken-media")
def truncated_track_passes() -> None:
    """A truncated track is padded without an error."""
    replace("audio.media_input", "_check_complete", lambda _: lambda *_: None)


@mutant("broken-media")
def source_instead() -> None:
    """Broken media is served unchanged."""

    def make(work: Worker) -> Worker:
        def lenient(context: Any, **inputs: Any) -> dict[str, Any]:
            try:
                return work(context, **inputs)
            except WorkerError:
                url = context.clients.storage.presign(inputs["s3_key"])
                return {"padded_url": url, "size": 0, "track_index": inputs["track_index"]}

        return lenient

    around(TASK, make)


@mutant("live-start-time")
def live_file_starts_at_0() -> None:
    """The start_time of a WebM file without a duration is ignored."""
    rewrite(
        "audio.media_input",
        "start_time",
        "if is_mp3 or",
        "if container.duration is None or is_mp3 or",
    )
