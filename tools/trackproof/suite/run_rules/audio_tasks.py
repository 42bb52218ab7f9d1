"""Agreements of the tasks that fetch a recording and work on its audio."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

from trackproof.contracts.load import load_contracts
from trackproof.lab import TRANSCRIPT_BUCKET
from trackproof.runs.equality import contains_value, has_value
from trackproof.runs.json_text import as_json
from trackproof.runs.task_run import StoredObject, TaskRun
from trackproof.suite.run_rules.comparison import (
    compare_events,
    compare_row,
    compare_status,
    cut,
)
from trackproof.suite.run_rules.visibility import Visibility


def get_recording(run: TaskRun, _see: Visibility) -> Iterator[str]:
    """The recording is the one asked for."""
    if run.output["id"] != run.sent["recording_id"]:
        yield f"id is {cut(run.output['id'])}, not {cut(run.sent['recording_id'])}"


def get_participants(run: TaskRun, see: Visibility) -> Iterator[str]:
    """The row has as many participants, and each name; the status is processing."""
    listed = run.output["participants"]
    if see.rows:
        stored = run.transcript.get("participants") or []
        if len(stored) != len(listed):
            yield f"{len(stored)} participants in the row, {len(listed)} in the output"
        names = [one.get("user_name", one.get("name")) for one in stored]
        yield from (
            f"the row has no participant named {as_json(one['user_name'])}"
            for one in listed
            if (one.get("user_name") or "").strip() and not contains_value(names, one["user_name"])
        )
    yield from compare_status(run, see, "processing")


def generate_dynamic_fork_tasks(run: TaskRun, _see: Visibility) -> Iterator[str]:
    """There is one branch for each track, with its inputs."""
    kind, tracks = run.sent["task_type"], run.sent["tracks"]
    expected = {f"{kind}_{index}" for index in range(len(tracks))}
    names = [one["taskReferenceName"] for one in run.output["tasks"]]
    if len(names) != len(expected) or set(names) != expected:
        yield f"branches are {cut(names)}, the input has {len(tracks)} tracks"
    if run.output["inputs"].keys() != expected:
        yield f"inputs are of {cut(sorted(run.output['inputs']))}, the branches {cut(names)}"
    if any(one["name"] != kind for one in run.output["tasks"]):
        yield f"a branch is of another task than {kind}"
    for index, track in enumerate(tracks):
        branch = run.output["inputs"].get(f"{kind}_{index}") or {}
        fields = {"track_index": index, "transcript_id": run.sent["transcript_id"]}
        if kind == "pad_track":
            fields |= {"s3_key": track["s3_key"], "bucket_name": run.sent["bucket_name"]}
        else:
            fields["language"] = run.sent.get("language") or "en"
        if not has_value(branch, fields):
            yield f"input of branch {index} is {cut(branch)}, not {cut(fields)}"


def pad_track(run: TaskRun, see: Visibility) -> Iterator[str]:
    """The URL is presigned for the contract's time, and of the object written or the raw one."""
    if run.output["track_index"] != run.sent["track_index"]:
        yield f"track_index is {run.output['track_index']}, not {run.sent['track_index']}"
    url = urlsplit(run.output["padded_url"])
    path, key = unquote(url.path), _stored_key(run)
    written = see.requests and StoredObject(TRANSCRIPT_BUCKET, key) in run.written
    allowed = [f"/{key}"] if written else [f"/{key}", f"/{run.sent['s3_key']}"]
    if not any(path.endswith(one) for one in allowed):
        yield f"padded_url is of {path}, not of {' or '.join(allowed)}"
    seconds = load_contracts().tasks[run.task].effects["presign_seconds"]
    expires = parse_qs(url.query).get("X-Amz-Expires", [str(seconds)])
    if expires != [str(seconds)]:
        yield f"padded_url expires after {expires[0]} s, not {seconds}"


def mixdown_tracks(run: TaskRun, see: Visibility) -> Iterator[str]:
    """The mixdown is stored, and its duration is that of the row and of the event."""
    key = _stored_key(run)
    if run.output["audio_key"] != key:
        yield f"audio_key is {run.output['audio_key']}, not {key}"
    if see.requests and StoredObject(TRANSCRIPT_BUCKET, key) not in run.written:
        yield f"{key} was not written"
    result = {"duration": run.output["duration"]}
    yield from compare_row(run, see, result)
    yield from compare_events(run, see, "DURATION", [result])


def generate_waveform(run: TaskRun, see: Visibility) -> Iterator[str]:
    """The event has the peaks, and the row says where they are."""
    if see.rows and not run.transcript.get("waveform_location"):
        yield "waveform_location is empty"
    yield from compare_events(run, see, "WAVEFORM", [{"waveform": run.output["waveform"]}])


def _stored_key(run: TaskRun) -> str:
    return load_contracts().tasks[run.task].stored_key.format(**run.sent)
