"""Reports of a kept run, made again without a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trackproof.errors import UsageError
from trackproof.events.runs import ResultSeen
from trackproof.events.stream import Event
from trackproof.events.verification import ClauseFinished, VerifyEnded
from trackproof.report.html import RunDetails, run_page
from trackproof.report.meeting.comparison import (
    Change,
    compare_results,
    compare_runs,
    compare_verifications,
)
from trackproof.report.meeting.markdown import markdown_of
from trackproof.report.meeting.trace import trace_of
from trackproof.report.output import check_writable, write_json, write_text
from trackproof.report.saved import read_report, report_files
from trackproof.report.writers import file_writers
from trackproof.verify.run_store.observed import MIX_FILE, read_result
from trackproof.verify.run_store.record import RunRecord
from trackproof.verify.run_store.store import RunStore
from trackproof.verify.run_store.verdicts import points_of, read_verdicts


@dataclass(frozen=True, slots=True)
class Reports:
    """The files to write, by format; None for those not wanted."""

    json: Path | None = None
    junit: Path | None = None
    ndjson: Path | None = None
    html: Path | None = None
    markdown: Path | None = None
    trace: Path | None = None
    audio: bool = False
    """Whether the page has the mixdown in it."""


def write_again(
    store: RunStore, record: RunRecord, reports: Reports, changes: Sequence[Change] | None
) -> None:
    """Write the reports of a kept run.

    Raises:
        UsageError: A file cannot be written, or the run has no such report.
    """
    if record.run is None and record.verification is None:
        raise UsageError(
            f"run {record.id} has no result: {record.headline or record.verdict}",
            hint="`trackproof runs show` says what is kept of it",
        )
    if reports.trace and record.run is None:
        raise UsageError("a trace needs a `trackproof run`")
    for path in (reports.html, reports.markdown, reports.trace):
        if path:
            check_writable(path)
    html = reports.html if record.verification is not None else None
    writers = file_writers(json=reports.json, junit=reports.junit, ndjson=reports.ndjson, html=html)
    for event in _events(store, record):
        for writer in writers:
            writer.write(event)
    if reports.html and record.run is not None:
        write_text(reports.html, run_again(store, record, changes, audio=reports.audio))
    if reports.markdown:
        verdicts = read_verdicts(store, record.id)
        write_text(reports.markdown, markdown_of(record, verdicts, changes))
    if reports.trace and record.run is not None:
        write_json(reports.trace, trace_of(record.run, read_result(store, record.id)))


def run_again(
    store: RunStore, record: RunRecord, changes: Sequence[Change] | None, *, audio: bool
) -> str:
    """Return the page of a kept meeting.

    Raises:
        UsageError: The run has no result.
    """
    if record.run is None:
        raise UsageError(f"run {record.id} has no result: {record.verdict}")
    mix = store.path(record.id, MIX_FILE)
    details = RunDetails(
        title=record.title,
        result=read_result(store, record.id),
        look_for=points_of(record),
        verdicts=read_verdicts(store, record.id),
        audio=mix.read_bytes() if audio and mix.is_file() else None,
        changes=changes,
    )
    ended = record.ended_at or record.began_at
    return run_page(record.run, datetime.fromisoformat(ended), details)


def changes_between(store: RunStore, older: RunRecord, newer: RunRecord) -> list[Change]:
    """Compare two kept runs.

    Raises:
        UsageError: They are of different kinds.
    """
    if older.run is not None and newer.run is not None:
        changes = compare_runs(older.run, newer.run)
        before, after = read_result(store, older.id), read_result(store, newer.id)
        return changes + (compare_results(before, after) if before and after else [])
    if older.verification is not None and newer.verification is not None:
        return compare_verifications(older.verification, newer.verification)
    raise UsageError(
        "only two runs of one kind can be compared",
        evidence=f"{older.id}: {older.verb}, {older.verdict}\n"
        f"{newer.id}: {newer.verb}, {newer.verdict}",
    )


def saved_verifications(names: Sequence[str]) -> dict[str, VerifyEnded]:
    """Return the verifications in JSON reports, folders of them, and kept runs, by their place.

    Raises:
        UsageError: A name is none of them, or cannot be read.
    """
    found: dict[str, VerifyEnded] = {}
    for name in names:
        path = Path(name)
        kept = RunStore(path.parent) if path.is_dir() and (path / "run.json").is_file() else None
        if kept is not None or not path.exists():
            record = kept.read(path.name) if kept else RunStore.default().find(name)
            if record.verification is None:
                raise UsageError(f"run {record.id} is no verification that has ended")
            found[record.id] = record.verification
        else:
            found |= {str(one): read_report(one) for one in report_files([path])}
    return found


def _events(store: RunStore, record: RunRecord) -> list[Event]:
    if record.verification is not None:
        clauses = [ClauseFinished(clause) for clause in record.verification.clauses]
        return [*clauses, record.verification]
    result = read_result(store, record.id)
    events: list[Event] = [ResultSeen(result)] if result else []
    if record.run is not None:
        events += [*record.run.checks, record.run]
    return events
