"""Agreements of the tasks that fetch a recording and work on its audio."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from trackproof.contracts.load import load_contracts
from trackproof.lab import TRANSCRIPT_BUCKET
from trackproof.runs.equality import contains_value, has_value, same_value
from trackproof.runs.json_text import as_json
from trackproof.runs.task_run import StoredObject, TaskRun
from trackproof.suite.fork_inputs import branch_inputs
from trackproof.suite.run_rules.comparison import (
    compare_events,
    compare_row,
    compare_status,
    cut,
)
from trackproof.suite.run_rules.visibility import Visibility
from trackproof.testbed.stand_ins.ledger import parse_json


def get_recording(run: TaskRun, see: Visibility) -> Iterator[str]:
    """The output is Daily's answer."""
    answers = _answers(run) if see.requests else []
    for answer in answers[-1:]:
        given = {
            "id": answer.get("id"),
            "mtg_session_id": answer.get("mtgSessionId"),
            "room_name": answer.get("room_name"),
            "duration": answer.get("duration") or 0,
        }
        yield from (
            f"{name} is {cut(run.output[name])}, Daily's {cut(value)}"
            for name, value in given.items()
            if not same_value(run.output[name], value)
        )


def get_participants(run: TaskRun, see: Visibility) -> Iterator[str]:
    """Output and row have each entry of Daily's; the status is processing."""
    listed = run.output["participants"]
    answers = _answers(run) if see.requests else []
    people = [one for answer in answers for one in answer["data"]]
    if answers and not _is_clean(people):
        people = []
    elif answers and len(people) != len(listed):
        yield f"{len(listed)} participants in the output, Daily has {len(people)}"
    for name in ("user_name", "user_id") if people else ():
        given = [one.get(name) for one in people if (one.get(name) or "").strip()]
        output = [one.get(name) for one in listed]
        lost = [value for value in given if not contains_value(output, value)]
        yield from (f"no participant of the output has the {name} {cut(one)}" for one in lost)
    if see.rows:
        yield from _stored_people(run, listed)
    yield from compare_status(run, see, "processing")


def _stored_people(run: TaskRun, listed: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    stored = run.transcript.get("participants") or []
    if len(stored) != len(listed):
        yield f"{len(stored)} participants in the row, {len(listed)} in the output"
    names = [one.get("user_name", one.get("name")) for one in stored]
    yield from (
        f"the row has no participant named {as_json(one['user_name'])}"
        for one in listed
        if (one.get("user_name") or "").strip() and not contains_value(names, one["user_name"])
    )
    ids = Counter(str(one.get("participant_id", one.get("id"))) for one in stored)
    own = Counter(str(one["participant_id"]) for one in listed if one.get("participant_id"))
    shared = [name for name, count in ids.items() if count > max(1, own[name])]
    yield from (f"several participants of the row have the id {cut(name)}" for name in shared)


def _answers(run: TaskRun) -> list[dict[str, Any]]:
    """Return Daily's answers to the last attempt; empty unless all were in the promised form."""
    if len(run.attempts) > 1:
        return []
    requests = run.requests_to("daily")
    answers = [parse_json(one.response) for one in requests if one.status == HTTPStatus.OK]
    usable = [
        one for one in answers if isinstance(one, dict) and isinstance(one.get("data", []), list)
    ]
    return usable if len(usable) == len(requests) else []


def _is_clean(people: Sequence[Any]) -> bool:
    """Return whether no text has characters that a store refuses."""
    text = as_json(people)
    return not any(one in text for one in ("\\u", "\ufffd", "\x00"))


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
    padded = list((run.sent.get("padded_tracks") or {}).values())
    language = run.sent.get("language") or "en"
    sources = {**run.sent, "padded_tracks": padded, "language": language}
    for index, fields in enumerate(branch_inputs(kind, sources)):
        branch = run.output["inputs"].get(f"{kind}_{index}") or {}
        if not has_value(branch, fields):
            yield f"input of branch {index} is {cut(branch)}, not {cut(fields)}"


def pad_track(run: TaskRun, see: Visibility) -> Iterator[str]:
    """The URL is presigned for the contract's time, and of the object written or the raw one."""
    if run.output["track_index"] != run.sent["track_index"]:
        yield f"track_index is {run.output['track_index']}, not {run.sent['track_index']}"
    url = urlsplit(run.output["padded_url"])
    path = unquote(url.path)
    # The key of a padded track may be the fleet's own; the raw one is the input's.
    unpadded = see.requests and StoredObject(TRANSCRIPT_BUCKET, _stored_key(run)) not in run.written
    if unpadded and not path.endswith(f"/{run.sent['s3_key']}"):
        yield f"nothing was stored, but padded_url is of {path}"
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
    yield from compare_events(run, see, "DURATION", [result], result)


def generate_waveform(run: TaskRun, see: Visibility) -> Iterator[str]:
    """The event has the peaks, and the row says where they are."""
    if see.rows and not run.transcript.get("waveform_location"):
        yield "waveform_location is empty"
    result = {"waveform": run.output["waveform"]}
    yield from compare_events(run, see, "WAVEFORM", [result], {})
    first = see.rows and not run.transcript_before.get("waveform_location")
    if first and see.events and not run.emitted("WAVEFORM"):
        yield "the first waveform of a transcript is not broadcast"


def _stored_key(run: TaskRun) -> str:
    return load_contracts().tasks[run.task].stored_key.format(**run.sent)
