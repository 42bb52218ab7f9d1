"""What the console shows of a kept run: its result, its audio and its reports."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, Response

from trackproof.console.desk import Desk
from trackproof.errors import UsageError
from trackproof.events.meeting import MeetingResult
from trackproof.report.again import Reports, write_again
from trackproof.report.html import Source, meeting_values
from trackproof.verify.run_store.observed import MIX_FILE, read_result
from trackproof.verify.run_store.record import WORDS, RunRecord
from trackproof.verify.run_store.verdicts import points_of, read_verdicts

DOWNLOADS: Final = {
    "html": ("report.html", "text/html"),
    "markdown": ("report.md", "text/markdown"),
    "json": ("report.json", "application/json"),
    "junit": ("junit.xml", "application/xml"),
    "trace": ("trace.json", "application/json"),
}
LISTED: Final = 200
"""Runs of a list."""

router = APIRouter()


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


DeskOf = Annotated[Desk, Depends(_desk)]


def result_values(desk: Desk, record: RunRecord) -> dict[str, Any]:
    """Return the values of a result's page."""
    result = read_result(desk.store, record.id)
    others = [
        one
        for one, _ in zip(desk.store.records(), range(LISTED), strict=False)
        if one.id != record.id and one.verb == record.verb and one.verdict != "running"
    ]
    verdicts = read_verdicts(desk.store, record.id)
    return {
        "record": record,
        "ended": record.run,
        "verification": record.verification,
        "points": points_of(record),
        "verdicts": verdicts,
        "who": next((one.who for one in verdicts.values() if one.who), ""),
        "choices": WORDS,
        "sources": _sources(record, result),
        "others": others,
        "downloads": _formats(record),
        "can_retry": desk.can_retry(record.id),
        **meeting_values(record.run.timeline if record.run else None, result),
    }


def _formats(record: RunRecord) -> list[str]:
    if record.run is not None:
        return list(DOWNLOADS)
    return [one for one in DOWNLOADS if one != "trace"] if record.verification else []


def _sources(record: RunRecord, result: MeetingResult | None) -> list[Source]:
    if result is None:
        return []
    speakers = {f"track-{one.index:02d}.webm": one for one in result.speakers}
    sources = []
    for name in result.audio:
        url = f"/runs/{record.id}/audio/{name}"
        if name == MIX_FILE:
            sources.append(Source("the mixdown", url))
        elif speaker := speakers.get(name):
            title = f"track {speaker.index}: {speaker.name}"
            sources.append(Source(title, url, speaker.offset))
    return sources


@router.get("/runs/{run_id}/audio/{name}")
def audio(run_id: str, name: str, desk: DeskOf) -> Response:
    """Send a kept audio file."""
    result = read_result(desk.store, run_id)
    path = desk.store.path(run_id, name)
    if result is None or name not in result.audio or not path.is_file():
        raise UsageError(f"run {run_id} has no audio {name!r}")
    kind = "audio/mpeg" if name == MIX_FILE else "audio/webm"
    return FileResponse(path, media_type=kind)


@router.get("/runs/{run_id}/report/{kind}")
def download(run_id: str, kind: str, desk: DeskOf, audio: bool = False) -> Response:
    """Send a report of a run as a file."""
    record = desk.store.read(run_id)
    if kind not in _formats(record):
        raise UsageError(f"run {run_id} has no report {kind!r}")
    name, media_type = DOWNLOADS[kind]
    with TemporaryDirectory(prefix="trackproof-report-") as folder:
        path = Path(folder, name)
        values: dict[str, Any] = {kind: path}
        write_again(desk.store, record, Reports(audio=audio, **values), None)
        content = path.read_bytes()
    headers = {"Content-Disposition": f'attachment; filename="{run_id}-{name}"'}
    return Response(content, media_type=media_type, headers=headers)
