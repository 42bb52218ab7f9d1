"""The meeting of a scenario and its audio files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.audio.stream import AudioStream

from fixtures_audio import RATE_HZ, Meeting, Participant, Track, make_meeting, render, write_track
from fixtures_audio.speech import as_spoken, render_speech
from fixtures_audio.tones import Samples
from fixtures_audio.webm import PACKET_MS, Sound
from trackproof.errors import UsageError
from trackproof.scenarios.scenario_file import MeetingTable, TrackAudio

LOUD: Final = 0.9
QUIET: Final = 0.02
BLEED: Final = 1 / 8
"""Another voice's level in a track, from a loudspeaker: 18 dB less."""
VORBIS_RATE_HZ: Final = 44_100
JOINING: Final = 16
"""Participants who join one after another before the next ones join with them."""


def make_scenario_meeting(table: MeetingTable, *, words_seed: int | None = None) -> Meeting:
    """Generate the meeting of a scenario.

    Args:
        table: The meeting.
        words_seed: Determines the words, but not their times, instead of its seed.

    Raises:
        UsageError: It is too short for its tracks.
    """
    every = table.join_every
    offsets = None
    if every is not None:
        offsets = [round(index % JOINING * every, 3) for index in range(table.tracks)]
    try:
        meeting = make_meeting(
            tracks=table.tracks,
            seconds=table.seconds,
            seed=table.seed,
            offsets=offsets,
            words_seed=words_seed,
        )
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{table.tracks} tracks do not fit into a meeting of {table.seconds:g} s: {error}",
            hint="give it more --seconds",
        ) from error
    if table.voices == "espeak":
        try:
            meeting = as_spoken(meeting)
        except RuntimeError as error:
            raise UsageError(str(error)) from error
    tracks = list(meeting.tracks)
    for index, name in enumerate(table.names):
        tracks[index] = replace(
            tracks[index], participant=replace(tracks[index].participant, name=name)
        )
    for one in table.audio:
        tracks[one.track] = _changed(tracks, one)
    return replace(meeting, tracks=tuple(tracks))


def write_scenario_audio(
    meeting: Meeting, table: MeetingTable, folder: Path, sound: Sound = render
) -> tuple[Path, ...]:
    """Write every track to `folder`, in order of track_index."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = {one.track: one for one in table.audio}
    paths = []
    for track in meeting.tracks:
        path = folder / f"track-{track.index:02d}.webm"
        _write(meeting, track, kinds.get(track.index), path, sound)
        paths.append(path)
    return tuple(paths)


def sound_of(table: MeetingTable) -> Sound:
    """Return what renders a scenario's tracks."""
    return render_speech if table.voices == "espeak" else render


def _changed(tracks: list[Track], one: TrackAudio) -> Track:
    track = tracks[one.track]
    match one.kind:
        case "silent":
            track = replace(track, words=())
        case "muted":
            track = _with_gap(track)
        case "loud":
            track = replace(track, level=LOUD)
        case "quiet":
            track = replace(track, level=QUIET)
        case "stereo-44100":
            track = replace(track, gaps=())
        case "rejoin":
            first = tracks[one.of or 0].participant
            again = Participant(track.participant.id, first.name, first.user_id)
            track = replace(track, participant=again)
        case _:
            pass  # its file is another, not its words
    return track


def _with_gap(track: Track) -> Track:
    """Return a track without packets in its middle third, and without the words there."""
    packets = round(track.duration * 1000) // PACKET_MS
    start, end = (packets * third // 3 * PACKET_MS / 1000 for third in (1, 2))
    words = tuple(word for word in track.words if word.end < start or word.start > end)
    return replace(track, gaps=((start, end),), words=words)


def _write(
    meeting: Meeting, track: Track, one: TrackAudio | None, path: Path, sound: Sound
) -> None:
    match one.kind if one else "":
        case "not-audio":
            path.write_bytes(b"<html>" * 999)
        case "truncated":
            write_track(track, path, sound=sound)
            content = path.read_bytes()
            path.write_bytes(content[: len(content) * 3 // 5])
        case "stereo-44100":
            _write_vorbis(track, path, sound)
        case "bleed":
            other = meeting.tracks[(one.of if one else 0) or 0]
            write_track(track, path, sound=lambda own: _with_bleed(own, other, sound))
        case _:
            write_track(track, path, sound=sound)


def _with_bleed(track: Track, other: Track, sound: Sound) -> Iterator[Samples]:
    """Yield a track's samples with another one's, at its time in the meeting, much quieter."""
    heard = BLEED * np.concatenate(list(render(other)))
    shift = round((other.offset - track.offset) * RATE_HZ)
    at = 0
    for block in sound(track):
        mixed = block.copy()
        start, end = max(at, shift), min(at + block.size, shift + heard.size)
        if start < end:
            mixed[start - at : end - at] += heard[start - shift : end - shift]
        at += block.size
        yield mixed


def _write_vorbis(track: Track, path: Path, sound: Sound) -> None:
    """Encode a track as Vorbis with two equal channels at 44.1 kHz."""
    mono = np.concatenate(list(sound(track)))
    with av.open(str(path), "w", format="webm", options={"fflags": "+bitexact"}) as container:
        # libav marks its own Vorbis encoder as experimental.
        stream = container.add_stream(
            "vorbis", rate=VORBIS_RATE_HZ, layout="stereo", options={"strict": "-2"}
        )
        assert isinstance(stream, AudioStream)
        stream.bit_rate = 128_000
        resampler = av.AudioResampler("fltp", "stereo", VORBIS_RATE_HZ, stream.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(np.stack([mono, mono]), "fltp", "stereo")
        frame.sample_rate, frame.pts = RATE_HZ, 0
        for part in (*resampler.resample(frame), *resampler.resample(None), None):
            for packet in stream.encode(part):
                shift = round(Fraction(track.offset) / packet.time_base)
                packet.pts = packet.dts = (packet.pts or 0) + shift
                container.mux(packet)
