"""`trackproof fixtures …`: list and write synthetic meetings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from trackproof.cli.common import JsonOption, ends_cleanly
from trackproof.errors import ExitCode, UsageError
from trackproof.report.output import check_writable, write_json

fixtures = typer.Typer(no_args_is_help=True, help="List and write synthetic meetings.")

SPOKEN = "spoken"
SPOKEN_TRACKS = 3


@fixtures.command(name="list")
@ends_cleanly
def list_(json_file: JsonOption = None) -> ExitCode:
    """List the named meetings and what each is for."""
    from fixtures_audio import NAMED_MEETINGS
    from fixtures_audio.recorders import RECORDERS

    rows = [(name, named.tracks, named.description) for name, named in NAMED_MEETINGS.items()]
    rows.append((SPOKEN, SPOKEN_TRACKS, "voices by espeak-ng instead of tones"))
    if json_file:
        check_writable(json_file)
        write_json(json_file, [{"name": n, "tracks": t, "what": w} for n, t, w in rows])
    table = Table("name", "tracks", "what", box=None)
    for name, tracks, what in rows:
        table.add_row(name, str(tracks), what)
    Console().print(table)
    exhibits = Table("recorder", "what", box=None)
    for name, exhibit in RECORDERS.items():
        exhibits.add_row(name, exhibit.description)
    Console().print(exhibits)
    return ExitCode.HELD


@contextmanager
def folder_to_fill(out: Path) -> Iterator[Path]:
    """Create a folder whose files are moved to `out` at the end; an exception leaves nothing."""
    missing = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=out, prefix=".partial-") as partial:
            yield Path(partial)
            for file in sorted(Path(partial).iterdir()):
                file.replace(out / file.name)
    except BaseException:
        with suppress(OSError):  # not created, or others write to it
            for folder in missing:
                folder.rmdir()
        raise


@fixtures.command(name="make")
@ends_cleanly
def make(
    name: Annotated[str, typer.Argument(help="A name from `trackproof fixtures list`.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the files; created if missing.")],
    tracks: Annotated[
        int | None, typer.Option("--tracks", help="1 to 64; default: the meeting's own.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Determines words and participants.")] = 0,
) -> ExitCode:
    """Write a meeting: one WebM file per track, and its ground truth in truth.json."""
    from fixtures_audio import make_named_meeting, render, truth_of, write_meeting
    from fixtures_audio.speech import is_installed, make_spoken_meeting, render_speech
    from trackproof.report.terminal.audio import audio_progress
    from trackproof.runs.audio_progress import AudioWriting

    if name == SPOKEN and not is_installed():
        raise UsageError("espeak-ng is not installed", hint="apt-get install espeak-ng")
    with (
        closing(audio_progress(Console())) as terminal,
        AudioWriting(tracks or 1, 0, terminal.write) as writing,
    ):
        try:
            meeting = (
                make_spoken_meeting(tracks=SPOKEN_TRACKS if tracks is None else tracks, seed=seed)
                if name == SPOKEN
                else make_named_meeting(name, tracks=tracks, seed=seed)
            )
        except ValueError as error:
            raise UsageError(str(error), hint="see `trackproof fixtures list`") from error
        writing.expect(meeting)
        sound = writing.counted(render_speech if name == SPOKEN else render)
        try:
            with folder_to_fill(out) as partial:
                files = write_meeting(meeting, partial, sound=sound)
                write_json(partial / "truth.json", {"name": name, **truth_of(meeting, files)})
        except OSError as error:
            raise UsageError(
                f"{out}: cannot be written ({error.strerror})", hint="choose another folder"
            ) from error
    typer.echo(
        f"{len(files)} tracks, {meeting.duration:.3f} s, {len(meeting.truth())} words: {out}"
    )
    return ExitCode.HELD


@fixtures.command(name="recorder")
@ends_cleanly
def recorder(
    name: Annotated[str, typer.Argument(help="A recorder from `trackproof fixtures list`.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the files; created if missing.")],
    offset: Annotated[
        float, typer.Option("--offset", help="Seconds from meeting start to the first file.")
    ] = 0.0,
) -> ExitCode:
    """Write files that are hard to read, as recorders write them, and their words in truth.json."""
    from fixtures_audio import Meeting, Track, truth_of
    from fixtures_audio.recorders import RECORDERS, make_exhibit

    if name not in RECORDERS:
        raise UsageError(f"no recorder is named {name!r}", hint="see `trackproof fixtures list`")
    if offset < 0:
        raise UsageError("--offset is negative", hint="give seconds from the meeting's start")
    with folder_to_fill(out) as partial:
        files: list[Path] = []
        tracks: list[Track] = []
        for number, recording in enumerate(make_exhibit(name, offset=offset)):
            path = partial / f"{name}-{number}.webm"
            path.write_bytes(recording.content)
            tracks += recording.tracks
            files += [path] * len(recording.tracks)
        write_json(
            partial / "truth.json", {"name": name, **truth_of(Meeting(0, tuple(tracks)), files)}
        )
    typer.echo(f"{len(set(files))} files, {sum(len(track.words) for track in tracks)} words: {out}")
    return ExitCode.HELD
