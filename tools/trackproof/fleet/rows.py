"""Readers of a transcript's row: by SQL or by HTTP, as the profile says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from trackproof.errors import TestbedError
from trackproof.fleet.profile import FleetProfile
from trackproof.fleet.variables import transcript_url
from trackproof.testbed import database
from trackproof.testbed.conductor.rest import http_client

RESPONSE_SECONDS = 10.0
"""Time limit for a response of the fleet's own server."""

Row = Mapping[str, Any]
RowReader = Callable[[str], Row]
"""Returns the row of a transcript id; empty if there is none."""


def row_reader(profile: FleetProfile, database_url: str) -> RowReader | None:
    """Return the reader that the profile configures; None if it exposes no rows."""
    if profile.transcript_sql:

        def read_by_sql(transcript_id: str) -> Row:
            rows = database.rows(database_url, profile.transcript_sql, transcript_id=transcript_id)
            return {name: parse_column(value) for name, value in rows[0].items()} if rows else {}

        return read_by_sql
    if profile.transcript_url:
        return lambda transcript_id: _fetch(transcript_url(profile.transcript_url, transcript_id))
    return None


def parse_column(value: Any) -> Any:
    """Return the JSON in a text column, which is how SQLite stores it; else the value itself."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _fetch(url: str) -> Row:
    try:
        with http_client(url, timeout=RESPONSE_SECONDS) as client:
            response = client.get(url)
        if response.status_code == httpx.codes.NOT_FOUND:
            return {}
        row = response.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise TestbedError(
            f"the transcript's row could not be read from {url}",
            evidence=str(error),
            hint="transcript_url must answer a JSON object, or 404",
        ) from error
    return row if isinstance(row, dict) else {}
