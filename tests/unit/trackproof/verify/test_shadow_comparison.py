"""A foreign product's shadow run is read through its profile, and compared on the command line."""

from __future__ import annotations

import json
import sqlite3
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from trackproof.cli import app
from trackproof.errors import UsageError
from trackproof.fleet import load_profile
from trackproof.verify.shadow_comparison import compare_shadow_run

PROFILE = '''
name = "foreign"
command = ["true"]
transcript_sql = "SELECT * FROM minutes WHERE nr = :transcript_id"
steps_sql = "SELECT step, took AS seconds FROM steps WHERE minutes = :transcript_id"
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
            "CREATE TABLE steps (minutes, step, took);"
            "INSERT INTO steps VALUES ('a', 'pad', 2), ('a', 'pad', 0.5), ('b', 'pad', 1);"
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
    assert comparison.steps == [("pad", 2.5, 1.0)]


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
    [
        ("Tides", 0, "EQUAL: 1 words, 1 topics, title and summaries, audio"),
        (MARKUP, 1, "DIFFERENT: 1 differences"),
    ],
)
def test_the_command_says_what_differs_and_writes_both_reports(
    headline: str, code: int, verdict: str, database: Path, profile: Path, tmp_path: Path
) -> None:
    change(database, "headline", headline)
    write_mixdowns(tmp_path, 0.5, 0.5)
    page, document = tmp_path / "shadow.html", tmp_path / "shadow.json"

    result = CliRunner().invoke(
        app,
        [
            *("shadow", "compare", "rec-1", "--database", f"sqlite:///{database}"),
            *("--fleet", str(profile), "--html", str(page), "--json", str(document)),
            *("--audio", f"{tmp_path}/{{transcript_id}}.wav"),
        ],
    )

    assert result.exit_code == code, result.output
    assert verdict in result.output
    data = json.loads(document.read_text())
    assert data["equal"] is (code == 0)
    assert data["right"]["row"]["title"] == headline
    assert "<script>" not in page.read_text()
    assert "Both results" in page.read_text()
    assert "-9.0 LUFS and -9.0 LUFS" in page.read_text()
    assert "pad" in result.output


def write_mixdowns(folder: Path, *amplitudes: float) -> None:
    """Write a tone of one second for each side."""
    times = np.arange(48_000) / 48_000
    for name, amplitude in zip("ab", amplitudes, strict=False):
        samples = (amplitude * 32_767 * np.sin(2 * np.pi * 997 * times)).astype("<i2")
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, 48_000, 0, "NONE", "not compressed"))
            file.writeframes(samples.tobytes())


def compared(database: Path, profile: Path, *options: str) -> Result:
    arguments = ["--database", f"sqlite:///{database}", "--fleet", str(profile), *options]
    return CliRunner().invoke(app, ["shadow", "compare", "rec-1", *arguments])


@pytest.mark.parametrize(
    ("amplitudes", "code", "text"),
    [
        ((0.5, 0.5), 0, "EQUAL: 1 words"),
        ((0.5, 0.4), 1, "✗ loudness"),
        ((0.5,), 1, "not compared: audio duration and loudness: not visible for shadow"),
    ],
)
def test_mixdowns_are_as_loud_as_each_other(
    amplitudes: tuple[float, ...],
    code: int,
    text: str,
    database: Path,
    profile: Path,
    tmp_path: Path,
) -> None:
    write_mixdowns(tmp_path, *amplitudes)

    result = compared(database, profile, "--audio", f"{tmp_path}/{{transcript_id}}.wav")

    assert (result.exit_code, text in result.output) == (code, True), result.output


def test_a_comparison_in_part_says_so_and_holds_only_if_that_is_accepted(
    database: Path, profile: Path
) -> None:
    profile.write_text(PROFILE.replace("events_sql", "recording_sql"))

    whole, part = compared(database, profile), compared(database, profile, "--partial")

    for result in (whole, part):
        assert "not compared: events: not visible for counting and shadow" in result.output
        assert "EQUAL IN PART: 1 words" in result.output
    assert (whole.exit_code, part.exit_code) == (1, 0)


def test_a_template_of_mixdowns_names_the_transcript(database: Path, profile: Path) -> None:
    result = compared(database, profile, "--audio", "s3://bucket/audio.mp3")

    assert result.exit_code == 2
    assert "{transcript_id}" in result.output
