"""Read both results of a recording that two pipelines processed, and compare them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import av

from fixtures_audio.audio_file import AudioSource
from fixtures_audio.loudness import Loudness, loudness_of_file
from trackproof.errors import UsageError
from trackproof.fleet.events import SqlEvents
from trackproof.fleet.profile import FleetProfile
from trackproof.fleet.rows import row_reader
from trackproof.fleet.translation.translator import Translator
from trackproof.runs.comparison import Comparison, Side, compare
from trackproof.runs.timeline import timeline_of
from trackproof.testbed import database
from trackproof.testbed.conductor.rest import ConductorRest

ReadAudio = Callable[[str], AudioSource | None]
"""Returns the mixdown of a transcript by its id, as a path or an open file; None without one."""


def compare_shadow_run(
    profile: FleetProfile,
    recording_id: str,
    database_url: str,
    *,
    rest: ConductorRest | None = None,
    audio: ReadAudio | None = None,
    similarity: float | None = None,
) -> Comparison:
    """Compare a shadow run with the result that counts.

    Args:
        profile: The fleet; its `shadow_sql` names both transcripts, `transcript_sql` and
            `events_sql` read them.
        recording_id: The recording that both pipelines processed.
        database_url: The fleet's database.
        rest: The server of the workflow, for the seconds of its steps, waiting included; by
            default they are read with the profile's `steps_sql`, as the legacy pipeline's are.
        audio: Returns the mixdown of a transcript by its id; None if there is none.
        similarity: As in `compare`.

    Raises:
        UsageError: The profile lacks a query, the recording has no shadow run, or a transcript
            is missing.
        TestbedError: The database or the server does not answer.
    """
    if not profile.shadow_sql or not profile.transcript_sql:
        missing = "transcript_sql" if profile.shadow_sql else "shadow_sql"
        raise UsageError(
            f"the profile of fleet {profile.name!r} has no {missing}",
            hint="it needs shadow_sql, which names a recording's two transcripts, and "
            "transcript_sql, which reads one; `trackproof fleet new` explains both",
        )
    found = database.rows(database_url, profile.shadow_sql, recording_id=recording_id)
    if not found:
        raise UsageError(
            f"recording {recording_id!r} has no shadow run",
            hint="only a recording that both pipelines processed can be compared; "
            "is it the right database?",
        )
    steps = _steps(rest, found[0].get("workflow_id"))
    return compare(
        _side(profile, database_url, "counting", found[0], {}, audio),
        _side(profile, database_url, "shadow", found[0], steps, audio),
        similarity=similarity,
    )


def _side(
    profile: FleetProfile,
    database_url: str,
    name: str,
    found: Mapping[str, Any],
    steps: Mapping[str, float],
    audio: ReadAudio | None,
) -> Side:
    transcript_id = str(found.get(name) or "")
    read = row_reader(profile, database_url)
    row = read(transcript_id) if read is not None and transcript_id else {}
    if not row:
        raise UsageError(
            f"there is no {name} transcript {transcript_id!r}",
            hint="shadow_sql must return the ids of both transcripts as `counting` and `shadow`",
        )
    translator = Translator(profile)
    events = None
    if profile.events_sql:
        stored = SqlEvents(database_url, profile.events_sql).events(transcript_id)
        events = [translator.event_from_fleet(*event)[0] for event in stored]
    return Side(
        name,
        translator.row_from_fleet(row),
        events,
        steps or _stored_steps(profile, database_url, transcript_id),
        _loudness(audio, transcript_id),
    )


def _loudness(audio: ReadAudio | None, transcript_id: str) -> Loudness | None:
    source = audio(transcript_id) if audio is not None else None
    if source is None:
        return None
    try:
        return loudness_of_file(source)
    except (ValueError, av.FFmpegError) as error:
        raise UsageError(
            f"the mixdown of transcript {transcript_id!r} cannot be decoded", evidence=str(error)
        ) from error


def _stored_steps(profile: FleetProfile, database_url: str, transcript_id: str) -> dict[str, float]:
    """Return the seconds of each step that a pipeline stored, over all its attempts."""
    steps: dict[str, float] = {}
    if profile.steps_sql:
        for row in database.rows(database_url, profile.steps_sql, transcript_id=transcript_id):
            name = str(row["step"])
            steps[name] = steps.get(name, 0.0) + float(row["seconds"] or 0.0)
    return steps


def _steps(rest: ConductorRest | None, workflow_id: object) -> dict[str, float]:
    """Return the seconds of each step of a workflow, over all its attempts."""
    if rest is None or not workflow_id:
        return {}
    steps: dict[str, float] = {}
    for attempt in timeline_of(rest.workflow(str(workflow_id)), None, time.time()).attempts:
        steps[attempt.reference] = steps.get(attempt.reference, 0.0) + attempt.seconds
    return steps
