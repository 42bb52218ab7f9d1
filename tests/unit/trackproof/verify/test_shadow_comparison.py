"""A foreign product's shadow run is read through its profile, and compared on the command line."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from trackproof.cli import app
from trackproof.errors import UsageError
from trackproof.fleet import load_profile
from trackproof.verify.shadow_comparison import compare_shadow_run

PROFILE = '''
name = "foreign"
command = ["true"]
transcript_sql = "SELECT * FROM minutes WHERE nr = :transcript_id"
events_sql = "SELECT name AS event, data FROM messages WHERE minutes = :transcript_id ORDER BY at"
shadow_sql = """SELECT old AS counting, new AS shadow, run AS workflow_id
  FROM pairs WHERE id = :recording_id"""

[transcript]
title = "headline"
"words[].start" = { name = "from_ms", unit = "ms" }
"words[].end" = { name = "to_ms", unit = "ms" }

[events.FINAL_TITLE]
name = "headline.written"
'''
MARKUP = "<script>alert(1)</script> & more"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "foreign.db"
    words = [{"word": "tide", "from_ms": 500, "to_ms": 900, "speaker": 0}]
    topics = [{"id": "t", "title": "Tides", "summary": "", "timestamp": 0.5, "duration": 1.0}]
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "CREATE TABLE minutes "
            "(nr, headline, long_summary, short_summary, topics, words, duration);"
            "CREATE TABLE messages (minutes, name, data, at);"
            "CREATE TABLE pairs (id, old, new, run);"
            "INSERT INTO pairs VALUES ('rec-1', 'a', 'b', NULL), ('rec-2', 'a', 'lost', NULL);"
            "INSERT INTO messages VALUES ('a', 'headline.written', '{}', 1);"
            "INSERT INTO messages VALUES ('b', 'headline.written', '{}', 1);"
        )
        connection.executemany(
            "INSERT INTO minutes VALUES (?, 'Tides', 'Long.', 'Short.', ?, ?, 2.5)",
            [(name, json.dumps(topics), json.dumps(words)) for name in ("a", "b")],
        )
    connection.close()
    return path


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.toml"
    path.write_text(PROFILE)
    return path


def change(database: Path, column: str, value: Any) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute(f"UPDATE minutes SET {column} = ? WHERE nr = 'b'", [value])
    connection.close()


def test_rows_are_compared_in_the_contracts_terms(database: Path, profile: Path) -> None:
    comparison = compare_shadow_run(load_profile(str(profile)), "rec-1", f"sqlite:///{database}")

    assert comparison.differences == ()
    assert comparison.left.row["words"][0]["start"] == 0.5
    assert comparison.left.events == ["FINAL_TITLE"]


def test_a_difference_is_found_in_the_terms_of_the_contracts(database: Path, profile: Path) -> None:
    change(database, "headline", MARKUP)
    change(database, "words", "[]")

    comparison = compare_shadow_run(load_profile(str(profile)), "rec-1", f"sqlite:///{database}")

    assert [one.field for one in comparison.differences] == ["title", "word_count", "words"]


@pytest.mark.parametrize(
    ("recording", "profile_text", "reason"),
    [
        ("unknown", PROFILE, "recording 'unknown' has no shadow run"),
        ("rec-2", PROFILE, "no shadow transcript 'lost'"),
        ("rec-1", PROFILE.replace("shadow_sql", "recording_sql"), "has no shadow_sql"),
        ("rec-1", PROFILE.replace("transcript_sql", "meeting_sql"), "has no transcript_sql"),
    ],
)
def test_what_cannot_be_compared_is_an_error(
    recording: str, profile_text: str, reason: str, database: Path, profile: Path
) -> None:
    profile.write_text(profile_text)

    with pytest.raises(UsageError, match=reason):
        compare_shadow_run(load_profile(str(profile)), recording, f"sqlite:///{database}")


@pytest.mark.parametrize(
    ("headline", "code", "verdict"),
    [("Tides", 0, "EQUAL: 1 words"), (MARKUP, 1, "DIFFERENT: 1 differences")],
)
def test_the_command_says_what_differs_and_writes_both_reports(
    headline: str, code: int, verdict: str, database: Path, profile: Path, tmp_path: Path
) -> None:
    change(database, "headline", headline)
    page, document = tmp_path / "shadow.html", tmp_path / "shadow.json"

    result = CliRunner().invoke(
        app,
        [
            *("shadow", "compare", "rec-1", "--database", f"sqlite:///{database}"),
            *("--fleet", str(profile), "--html", str(page), "--json", str(document)),
        ],
    )

    assert result.exit_code == code, result.output
    assert verdict in result.output
    data = json.loads(document.read_text())
    assert data["equal"] is (code == 0)
    assert data["right"]["row"]["title"] == headline
    assert "<script>" not in page.read_text()
    assert "Both results" in page.read_text()
