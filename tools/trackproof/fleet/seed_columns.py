"""Columns of the rows that seeders write, with their types and examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class SeedColumn:
    """One value of a meeting that is seeded."""

    table: str
    """Key in the JSON of the seed command; `consents` is a list of rows."""
    name: str
    type: str
    example: str
    """As JSON."""
    meaning: str

    @property
    def parameter(self) -> str:
        """Name of the parameter in `seed_sql`, without the colon."""
        return f"{self.table.removesuffix('s')}_{self.name}"


_WORD: Final = '[{"word": "tide", "start": 0.5, "end": 0.9, "speaker": 0}]'
_TOPIC: Final = '[{"id": "t1", "title": "Tides", "summary": "", "timestamp": 0.0, "duration": 8.0}]'

SEED_COLUMNS: Final = (
    SeedColumn("room", "id", "text", '"room-1f2e"', "replaced by a returned room_id"),
    SeedColumn("room", "name", "text", '"room-1f2e"', "the room's name at Daily"),
    SeedColumn("room", "webhook_url", "text or null", '"http://127.0.0.1:9/x"', "null: no webhook"),
    SeedColumn("room", "webhook_secret", "text", '"whsec"', "signs the webhook"),
    SeedColumn("room", "zulip_stream", "text or null", '"meetings"', "null: nothing is posted"),
    SeedColumn("room", "zulip_topic", "text or null", '"transcripts"', "topic of the message"),
    SeedColumn("recording", "id", "text", '"recording-1f2e"', "Daily's id of the recording"),
    SeedColumn("recording", "bucket_name", "text", '"recordings"', "bucket of the raw tracks"),
    SeedColumn(
        "recording",
        "track_keys",
        "list of text",
        '["acme/room-1f2e/17-p0-cam-audio-17"]',
        "S3 keys",
    ),
    SeedColumn(
        "transcript", "id", "text", '"transcript-1f2e"', "replaced by a returned transcript_id"
    ),
    SeedColumn("transcript", "title", "text, may be missing", '"Tides"', "an earlier result"),
    SeedColumn("transcript", "short_summary", "text, may be missing", '"A recap."', "likewise"),
    SeedColumn("transcript", "long_summary", "text, may be missing", '"# All of it"', "likewise"),
    SeedColumn("transcript", "duration", "number, may be missing", "8.0", "seconds"),
    SeedColumn("transcript", "words", "list, may be missing", _WORD, "likewise"),
    SeedColumn("transcript", "topics", "list, may be missing", _TOPIC, "likewise"),
    SeedColumn(
        "transcript",
        "participants",
        "list, may be missing",
        '[{"id": "p1", "name": "Sarah", "speaker": 0}]',
        "likewise",
    ),
    SeedColumn("consents", "participant_id", "text", '"p0"', "Daily's id of the participant"),
    SeedColumn("consents", "granted", "true, false or null", "true", "null: not answered"),
)
"""Every column that a seeder may receive, in the contracts' terms."""


def column_lines() -> Iterator[str]:
    """Yield a line for each column: parameter, type, example and meaning."""
    for column in SEED_COLUMNS:
        about = f"{column.type}; {column.meaning}; for example {column.example}"
        yield f":{column.parameter:<26} {about}"


def parameter_list() -> str:
    """Return all parameters with their types in one line."""
    return ", ".join(f":{column.parameter} ({column.type})" for column in SEED_COLUMNS)


def json_columns() -> str:
    """Return all columns with their types as paths in the seed command's JSON, in one line."""
    return ", ".join(
        f"{column.table}{'[]' if column.table == 'consents' else ''}.{column.name} ({column.type})"
        for column in SEED_COLUMNS
    )
