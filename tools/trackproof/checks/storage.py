"""Does S3 hold exactly what the contracts say, and is denied consent honoured?"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence


def checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the verdict on storage and consent."""
    yield _keys(evidence)
    yield _urls(evidence)
    yield _consent(evidence)


def _expected_keys(evidence: Evidence) -> frozenset[str]:
    if evidence.scenario.denied:
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
    expected = _expected_keys(evidence)
    missing = sorted(expected - evidence.transcript_keys)
    surplus = sorted(evidence.transcript_keys - expected)
    seen = f"{len(evidence.transcript_keys)} objects"
    if missing:
        seen += f"; missing: {', '.join(missing)}"
    if surplus:
        seen += f"; not in the contract: {', '.join(surplus)}"
    return Check("storage.keys", not missing and not surplus, seen)


def _urls(evidence: Evidence) -> Check:
    promised = str(evidence.contracts.tasks["pad_track"].effects["presign_seconds"])
    wrong = []
    for served in evidence.urls:
        expires = parse_qs(urlsplit(served.url).query).get("X-Amz-Expires", ["none"])[0]
        if expires != promised:
            wrong.append(f"track {served.track_index} expires after {expires} s")
        if evidence.scenario.denied:
            if served.status != HTTPStatus.NOT_FOUND:
                wrong.append(f"track {served.track_index} still answers {served.status}")
        elif (served.status, served.received_bytes) != (HTTPStatus.OK, served.promised_bytes):
            wrong.append(
                f"track {served.track_index} answers {served.status} with "
                f"{served.received_bytes} of {served.promised_bytes} bytes"
            )
    expected = len(evidence.scenario.meeting.tracks)
    if len(evidence.urls) != expected:
        wrong.append(f"{len(evidence.urls)} URLs for {expected} tracks")
    what = "deleted audio is served no more" if evidence.scenario.denied else "all serve"
    return Check(
        "storage.presigned",
        not wrong,
        "; ".join(wrong) or f"{expected} URLs, valid for {promised} s: {what}",
    )


def _consent(evidence: Evidence) -> Check:
    denied = evidence.scenario.denied
    raw = set(evidence.scenario.track_keys)
    left = raw & evidence.recording_keys
    told = bool(evidence.output.get("audio_deleted"))
    recorded = bool(evidence.transcript.get("audio_deleted"))
    if not denied:
        kept = left == raw and not told and not recorded
        return Check(
            "consent.honoured",
            kept,
            f"nobody denied: {len(left)} of {len(raw)} raw tracks kept, deleted says {told}, "
            f"database says {recorded}",
        )
    audio_left = sorted(left | evidence.transcript_keys)
    return Check(
        "consent.honoured",
        not audio_left and told and recorded,
        f"denied by {len(denied)}: {len(audio_left)} audio objects left"
        + (f" ({', '.join(audio_left[:3])})" if audio_left else " (raw, padded and mixed gone)")
        + f", deleted says {told}, database says {recorded}",
    )
