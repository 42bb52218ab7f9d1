"""A transcript's row is read as the profile says."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.unit.background import in_background
from trackproof.errors import TestbedError
from trackproof.fleet import Fleet, FleetProfile
from trackproof.fleet.fleet import UnavailableError
from trackproof.fleet.rows import row_reader


class Rows(BaseHTTPRequestHandler):
    """Serves one row, and 500 for a broken one."""

    def do_GET(self) -> None:
        status = {"/t-1": 200, "/broken": 500}.get(self.path, 404)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b'{"title": "Tides", "words": [{"word": "tide"}]}')

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing."""


def test_row_is_fetched_from_a_url() -> None:
    with HTTPServer(("127.0.0.1", 0), Rows) as server, in_background(server):
        url = f"http://127.0.0.1:{server.server_port}/{{transcript_id}}"
        read = row_reader(FleetProfile(name="sample", attach=True, transcript_url=url), "")
        assert read is not None

        assert read("t-1") == {"title": "Tides", "words": [{"word": "tide"}]}
        assert read("t-2") == {}
        with pytest.raises(TestbedError, match="could not be read from"):
            read("broken")


def test_data_that_the_profile_does_not_expose_is_unavailable(tmp_path: Path) -> None:
    fleet = Fleet(FleetProfile(name="sample", attach=True), {}, tmp_path)

    assert (fleet.exposes_rows, fleet.exposes_events) == (False, False)
    with pytest.raises(UnavailableError, match="does not expose the transcript's row"):
        fleet.transcript("t-1")
    with pytest.raises(UnavailableError, match="does not expose the events"):
        fleet.events("t-1")
