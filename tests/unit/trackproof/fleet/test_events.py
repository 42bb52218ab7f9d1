"""A fleet's rows and events are seen the way its profile says, and none is missed."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import redis
from websockets.sync.server import ServerConnection, serve

from trackproof.errors import FleetError, TestbedError
from trackproof.fleet import Fleet, FleetProfile
from trackproof.fleet.events import UnavailableError, event_source, row_reader
from trackproof.fleet.push_events import RedisEvents, WebSocketEvents
from trackproof.fleet.seeders import SqlSeeder
from trackproof.lab import free_port
from trackproof.runs.unavailable import UnseenEvents, UnseenRow
from trackproof.testbed.redis import start_redis

PLAIN = FleetProfile(name="sample", attach=True)
TOLD = [("TOPIC", {"title": "a"}), ("STATUS", {"value": "ended"})]


def message(event: str, data: Any) -> str:
    return json.dumps({"event": event, "data": data})


@pytest.fixture
def redis_url() -> Iterator[str]:
    try:
        with start_redis(free_port()) as server:
            yield server.url
    except TestbedError as error:
        pytest.skip(f"{error.what}. Hint: {error.hint}")


def test_what_is_published_before_the_question_is_in_the_answer(redis_url: str) -> None:
    source = RedisEvents(redis_url, "live:{transcript_id}", 0)
    with closing(source), closing(redis.Redis.from_url(redis_url)) as fleet:
        for event, data in TOLD:
            fleet.publish("live:t-1", message(event, data))
            fleet.publish("live:t-2", message("OTHER", {}))
            fleet.publish("other:t-1", message("OTHER", {}))
        fleet.publish("live:t-1", "no JSON")

        assert source.events("t-1") == [*TOLD, ("(unreadable)", "no JSON")]
        assert source.events("t-3") == []


def test_no_redis_is_told() -> None:
    with pytest.raises(FleetError, match="by Redis"):
        RedisEvents(f"redis://127.0.0.1:{free_port()}", "live:{transcript_id}", 0)


def test_what_is_sent_by_websocket_is_seen() -> None:
    def tell(socket: ServerConnection) -> None:
        assert socket.request is not None
        assert socket.request.path == "/t%2F1"
        for event, data in TOLD * 20:
            socket.send(message(event, data))
        for _ in socket:
            pass

    with serve(tell, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.socket.getsockname()[1]
        source = WebSocketEvents(f"ws://127.0.0.1:{port}/{{transcript_id}}", 0.5)
        with closing(source):
            source.watch("t/1")

            assert source.events("t/1") == TOLD * 20


def test_nobody_at_the_other_end_is_told() -> None:
    source = WebSocketEvents(f"ws://127.0.0.1:{free_port()}/{{transcript_id}}", 0)

    with pytest.raises(FleetError, match="cannot be listened to at ws://") as caught:
        source.watch("t-1")

    assert "events_websocket" in caught.value.hint


class Rows(BaseHTTPRequestHandler):
    """Serves one row, and 500 for a broken one."""

    def do_GET(self) -> None:
        status = {"/t-1": 200, "/broken": 500}.get(self.path, 404)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b'{"title": "Tides", "words": [{"word": "tide"}]}')

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


def test_a_row_is_got_from_a_url() -> None:
    with HTTPServer(("127.0.0.1", 0), Rows) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/{{transcript_id}}"
        read = row_reader(replace(PLAIN, transcript_url=url), "")
        assert read is not None

        assert read("t-1") == {"title": "Tides", "words": [{"word": "tide"}]}
        assert read("t-2") == {}
        with pytest.raises(TestbedError, match="cannot be had from"):
            read("broken")
        server.shutdown()


def test_what_the_profile_does_not_show_is_not_seen_and_skips_who_looks(tmp_path: Path) -> None:
    fleet = Fleet(PLAIN, {}, tmp_path)

    assert (fleet.exposes_rows, fleet.exposes_events) == (False, False)
    assert event_source(PLAIN, "", "") is None
    with pytest.raises(UnavailableError, match="cannot be seen"):
        fleet.transcript("t-1")
    with pytest.raises(UnavailableError, match="cannot be seen"):
        fleet.events("t-1")
    for look in (
        lambda: UnseenRow("row")["title"],
        lambda: list(UnseenEvents("events")[2:]),
        lambda: len(UnseenEvents("events")),
    ):
        with pytest.raises(pytest.skip.Exception, match="does not say how"):
            look()


MEETING = {
    "room": {"name": "standup"},
    "recording": {"track_keys": ["a", "b"]},
    "transcript": {"id": "t-1"},
    "consents": [{"participant_id": "p1", "granted": True}, {"participant_id": "p2"}],
}


def test_statements_are_filled_from_the_meeting_and_return_ids(tmp_path: Path) -> None:
    database = tmp_path / "fleet.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(
            "CREATE TABLE rooms (id INTEGER PRIMARY KEY, name);"
            "CREATE TABLE meetings (id, room, keys, title);"
            "CREATE TABLE answers (room, who, granted);"
        )
    seeds = SqlSeeder(
        "sample",
        (
            "INSERT INTO rooms (name) VALUES (:room_name) RETURNING id + 40 AS room_id",
            "INSERT INTO meetings VALUES "
            "(:transcript_id, :room_id, :recording_track_keys, :transcript_title)",
            "INSERT INTO answers VALUES (:room_id, :consent_participant_id, :consent_granted)",
        ),
        f"sqlite:///{database}",
    )

    assert seeds.seed(MEETING) == {"room_id": 41}

    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT * FROM meetings").fetchall() == [
            ("t-1", 41, '["a", "b"]', None)
        ]
        assert connection.execute("SELECT * FROM answers").fetchall() == [
            (41, "p1", 1),
            (41, "p2", None),
        ]


def test_a_statement_that_is_refused_leaves_nothing_and_is_told(tmp_path: Path) -> None:
    database = tmp_path / "fleet.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE rooms (name)")
        connection.commit()
    statements = ("INSERT INTO rooms VALUES (:room_name)", "INSERT INTO nowhere VALUES (1)")

    with pytest.raises(FleetError, match="seed_sql of fleet 'sample' failed") as caught:
        SqlSeeder("sample", statements, f"sqlite:///{database}").seed(MEETING)

    assert "no such table: nowhere" in caught.value.evidence
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT * FROM rooms").fetchall() == []
