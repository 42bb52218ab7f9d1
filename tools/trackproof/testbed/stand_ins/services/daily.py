"""Stand-in of Daily's REST API: recordings and participants of meetings."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from trackproof.testbed.stand_ins.credentials import has_bearer

T = TypeVar("T")

PAGE_SIZE: Final = 100
"""Most entries of one answer."""


@dataclass(frozen=True)
class DailyTrack:
    """One raw track file of a recording."""

    s3key: str
    size: int
    """Bytes."""
    type: str = "audio"

    def as_json(self) -> dict[str, Any]:
        """Return the track in the API's format."""
        return {"type": self.type, "s3Key": self.s3key, "size": self.size}


@dataclass(frozen=True)
class DailyRecording:
    """One recording, as answered by `GET /recordings/{id}`."""

    id: str
    room_name: str
    start_ts: int
    """Epoch seconds."""
    duration: int
    """Seconds."""
    mtg_session_id: str | None = None
    s3key: str | None = None
    status: str = "finished"
    max_participants: int | None = None
    tracks: tuple[DailyTrack, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the recording in the API's format."""
        return {
            "id": self.id,
            "room_name": self.room_name,
            "start_ts": self.start_ts,
            "status": self.status,
            "max_participants": self.max_participants,
            "duration": self.duration,
            "mtgSessionId": self.mtg_session_id,
            "s3key": self.s3key,
            "tracks": [track.as_json() for track in self.tracks],
        }


@dataclass(frozen=True)
class DailyParticipant:
    """One stay of one person in a meeting."""

    participant_id: str
    join_time: int
    """Epoch seconds."""
    duration: int
    """Seconds."""
    user_id: str | None = None
    user_name: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the participant in the API's format."""
        return {
            "user_id": self.user_id,
            "participant_id": self.participant_id,
            "user_name": self.user_name,
            "join_time": self.join_time,
            "duration": self.duration,
        }


class DailyStandIn:
    """An ASGI app that serves the given recordings and meetings."""

    def __init__(
        self,
        key: str,
        recordings: Iterable[DailyRecording] = (),
        participants: Mapping[str, Iterable[DailyParticipant]] | None = None,
    ) -> None:
        """Serve `recordings`, and `participants` by mtgSessionId; accept the bearer `key`."""
        self._key = key
        self._lists: dict[str, list[str]] = {}
        self._lock = threading.Lock()
        self._recordings: dict[str, DailyRecording] = {}
        self._participants: dict[str, tuple[DailyParticipant, ...]] = {}
        for recording in recordings:
            self.add_recording(recording)
        for session_id, people in (participants or {}).items():
            self.add_meeting(session_id, people)
        self._app = Starlette(
            routes=[
                Route("/recordings", self._list),
                Route("/recordings/{id}", self._recording),
                Route("/meetings/{id}/participants", self._meeting_participants),
            ]
        )

    def add_recording(self, recording: DailyRecording) -> None:
        """Add or replace a recording."""
        with self._lock:
            self._recordings[recording.id] = recording

    def add_key(self, key: str) -> None:
        """Accept another bearer key, whose list of recordings is empty at first."""
        with self._lock:
            self._lists.setdefault(key, [])

    def list_recording(self, key: str, recording: DailyRecording) -> None:
        """Replace a recording, and let the list that a key of `add_key` gets have it."""
        with self._lock:
            self._recordings[recording.id] = recording
            self._lists[key].append(recording.id)

    def recording(self, recording_id: str) -> DailyRecording:
        """Return a recording."""
        with self._lock:
            return self._recordings[recording_id]

    def _accepts(self, request: Request) -> bool:
        return any(has_bearer(request, key) for key in (self._key, *self._lists))

    def add_meeting(self, mtg_session_id: str, people: Iterable[DailyParticipant]) -> None:
        """Add or replace the participants of a meeting."""
        with self._lock:
            self._participants[mtg_session_id] = tuple(people)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app(scope, receive, send)

    async def _list(self, request: Request) -> JSONResponse:
        """Answer with a page of the recordings, the latest first."""
        if not self._accepts(request):
            return _refused()
        with self._lock:
            own = next((ids for key, ids in self._lists.items() if has_bearer(request, key)), None)
            listed = self._recordings if own is None else own
            recordings = sorted(
                map(self._recordings.__getitem__, dict.fromkeys(listed)),
                key=lambda one: (one.start_ts, one.id),
                reverse=True,
            )
        ids = [recording.id for recording in recordings]
        page = _page(recordings, ids, request, "starting_after")
        return JSONResponse(
            {"total_count": len(recordings), "data": [recording.as_json() for recording in page]}
        )

    async def _recording(self, request: Request) -> JSONResponse:
        if not self._accepts(request):
            return _refused()
        with self._lock:
            recording = self._recordings.get(request.path_params["id"])
        return JSONResponse(recording.as_json()) if recording else _not_found("recording")

    async def _meeting_participants(self, request: Request) -> JSONResponse:
        if not self._accepts(request):
            return _refused()
        with self._lock:
            people = self._participants.get(request.path_params["id"])
        if people is None:
            return _not_found("meeting")
        ids = [person.participant_id for person in people]
        page = _page(people, ids, request, "joined_after")
        return JSONResponse({"data": [person.as_json() for person in page]})


def _page(entries: Sequence[T], ids: Sequence[str], request: Request, cursor: str) -> list[T]:
    """Return the entries of one page: those after the entry with the cursor's id."""
    after = request.query_params.get(cursor)
    begin = 0 if after is None else ids.index(after) + 1 if after in ids else len(ids)
    return list(entries[begin : begin + _limit(request.query_params.get("limit"))])


def _limit(text: str | None) -> int:
    """Return the size of a page; a wrong one is a violation that the ledger records."""
    return min(int(text), PAGE_SIZE) if text and text.isdigit() and int(text) else PAGE_SIZE


def _refused() -> JSONResponse:
    return JSONResponse({"error": "authentication-error", "info": "invalid API key"}, 401)


def _not_found(what: str) -> JSONResponse:
    return JSONResponse({"error": "not-found", "info": f"{what} not found"}, 404)
