"""Storage: S3 contains exactly the contracts' objects, and denied consent deletes all audio."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from trackproof.checks.visibility import if_visible
from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence
from trackproof.runs.json_text import as_json
from trackproof.runs.stored_lists import OUTPUTS, list_keys


def checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the checks on objects, presigned URLs and consent."""
    yield _keys(evidence)
    yield _urls(evidence)
    yield if_visible("consent.honoured", _consent, evidence)


def expected_keys(evidence: Evidence, *, denied: bool) -> frozenset[str]:
    """Return the keys of the contracts' objects in the transcripts' bucket; none if `denied`."""
    if denied:
        return frozenset()
    transcript_id = evidence.scenario.transcript_id
    tasks = evidence.contracts.tasks
    padded = {
        tasks["pad_track"].stored_key.format(transcript_id=transcript_id, track_index=track.index)
        for track in evidence.scenario.meeting.tracks
        if track.offset > 0
    }
    mixdown = tasks["mixdown_tracks"].stored_key.format(transcript_id=transcript_id)
    return frozenset({mixdown, *padded})


def _keys(evidence: Evidence) -> Check:
    denied = bool(evidence.scenario.denied)
    lists = frozenset[str]() if denied else list_keys(evidence.workflow, *OUTPUTS.values())
    expected = expected_keys(evidence, denied=denied) | lists
    missing = sorted(expected - evidence.transcript_keys)
    unexpected = sorted(evidence.transcript_keys - expected)
    detail = f"{len(evidence.transcript_keys)} objects"
    if missing:
        detail += f"; missing: {', '.join(missing)}"
    if unexpected:
        detail += f"; not in the contract: {', '.join(unexpected)}"
    return Check("storage.keys", not missing and not unexpected, detail)


def _urls(evidence: Evidence) -> Check:
    expected_expiry = str(evidence.contracts.tasks["pad_track"].effects["presign_seconds"])
    problems = []
    for served in evidence.urls:
        expires = parse_qs(urlsplit(served.url).query).get("X-Amz-Expires", ["never"])[0]
        if expires != expected_expiry:
            problems.append(f"track {served.track_index} expires after {expires} s")
        if evidence.scenario.denied:
            if served.status != HTTPStatus.NOT_FOUND:
                problems.append(f"track {served.track_index} still returns {served.status}")
        elif (served.status, served.received_bytes) != (HTTPStatus.OK, served.promised_bytes):
            problems.append(
                f"track {served.track_index} returns {served.status} with "
                f"{served.received_bytes} of {served.promised_bytes} bytes"
            )
    expected = len(evidence.scenario.meeting.tracks)
    if len(evidence.urls) != expected:
        problems.append(f"{len(evidence.urls)} URLs for {expected} tracks")
    what = "all deleted" if evidence.scenario.denied else "all served"
    return Check.of(
        "storage.presigned",
        problems,
        otherwise=f"{expected} URLs, valid for {expected_expiry} s, {what}",
    )


def _consent(evidence: Evidence) -> Check:
    denied = evidence.scenario.denied
    raw = set(evidence.scenario.track_keys)
    left = raw & evidence.recording_keys
    reported = bool(evidence.output.get("audio_deleted"))
    recorded = bool(evidence.transcript.get("audio_deleted"))
    flags = f"{as_json(reported)} in the output and {as_json(recorded)} in the database"
    if not denied:
        passed = left == raw and not reported and not recorded
        return Check(
            "consent.honoured",
            passed,
            f"no consent denied: {len(left)} of {len(raw)} raw tracks stored, "
            f"audio_deleted is {flags}",
        )
    audio_left = sorted(left | evidence.transcript_keys)
    return Check(
        "consent.honoured",
        not audio_left and reported and recorded,
        f"consent denied by {len(denied)}: {len(audio_left)} audio objects left"
        + (f" ({', '.join(audio_left[:3])})" if audio_left else "")
        + f", audio_deleted is {flags}",
    )
