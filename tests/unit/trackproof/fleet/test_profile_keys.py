"""Optional keys of a profile: every pair loads, and a wrong name is answered with the nearest."""

from __future__ import annotations

from pathlib import Path

import pytest

from trackproof.errors import UsageError
from trackproof.fleet import FleetProfile, load_profile
from trackproof.fleet.needs import needed_database
from trackproof.fleet.profile import Limits
from trackproof.lab import database_choice

BASE = 'name = "mine"\n'

KEYS = {
    "command": 'command = ["./run"]',
    "container": '[container]\nimage = "workers"',
    "attach": "attach = true",
    "directory": 'directory = "."',
    "environment": '[environment]\nA = "{redis.host}:{redis.port}"',
    "intercept": '[intercept]\n"api.daily.co" = "{daily.url}"',
    "ports": "[ports]\ns3 = 9101",
    "s3": 's3 = "folder"',
    "database": 'database = "postgres"',
    "migrate_command": 'migrate_command = ["./migrate"]',
    "ready_seconds": "ready_seconds = 5.0",
    "other_tasks": 'other_tasks = ["resize"]',
    "serves": 'serves = ["pad_track"]',
    "domain": 'domain = "mine"',
    "register_command": 'register_command = ["./register"]',
    "overlay": "[overlay.tasks.pad_track]\nretryCount = 5",
    "seed_command": 'seed_command = ["./seed"]',
    "seed_lines": "seed_lines = true",
    "seed_sql": 'seed_sql = ["SELECT :room_name AS room_id"]',
    "transcript_sql": 'transcript_sql = "SELECT 1"',
    "transcript_url": 'transcript_url = "http://h/{transcript_id}"',
    "recording_sql": 'recording_sql = "SELECT 1"',
    "meeting_sql": 'meeting_sql = "SELECT 1"',
    "shadow_sql": 'shadow_sql = "SELECT 1"',
    "steps_sql": 'steps_sql = "SELECT 1"',
    "trigger": '[trigger]\ncommand = ["./trigger"]\nwebhook_url = "http://h"\nbroker = "/q"',
    "events_sql": 'events_sql = "SELECT 1"',
    "events_redis": 'events_redis = "{transcript_id}"',
    "events_websocket": 'events_websocket = "ws://h/{transcript_id}"',
    "events_lag_ms": "events_lag_ms = 5.0",
    "tasks": '[tasks.pad_track]\nname = "Pad"',
    "fields": '[fields]\nword = { name = "text", trim = true }',
    "events": '[events.TOPIC]\nname = "topic"',
    "workflow": '[workflow.output_from]\ntitle = "transcript.title"',
    "transcript": '[transcript]\ntitle = "headline"',
    "keys": '[keys]\n"{transcript_id}/audio.mp3" = "{transcript_id}.mp3"',
    "time_tolerance_ms": "time_tolerance_ms = 30.0",
    "not_visible": '[not_visible]\nevents = "none are kept"',
    "limits": "[limits]\ntask = 60.0\npipeline = 600\n[limits.tasks]\npad_track = 90",
    "deviations": ('[[deviations]]\nclause = "pad_track.offset"\nreason = "x"\nuntil = 2030-01-01'),
}
"""An example of each optional key."""

EXCLUSIVE = [
    {"command", "container", "attach"},
    {"seed_command", "seed_sql"},
    {"transcript_sql", "transcript_url"},
    {"events_sql", "events_redis", "events_websocket"},
    {"overlay", "register_command"},
    {"migrate_command", "attach"},
]


def load(folder: Path, *parts: str) -> FleetProfile:
    # Keys of the whole profile stand before the first table.
    ordered = sorted(parts, key=lambda part: part.startswith("["))
    (folder / "fleet.toml").write_text(BASE + "\n".join(ordered) + "\n")
    return load_profile(folder / "fleet.toml")


def test_every_optional_key_has_an_example() -> None:
    assert set(KEYS) == set(FleetProfile.__dataclass_fields__) - {"name"}


@pytest.mark.parametrize("first", KEYS)
def test_every_pair_of_optional_keys_loads_or_is_refused_with_a_reason(
    first: str, tmp_path: Path
) -> None:
    start = {"command", "container", "attach"}
    for second in KEYS:
        pair = {first, second}
        keys = pair if start & pair else {*pair, "command"}
        parts = [KEYS[key] for key in keys]
        if any(len(keys & group) > 1 for group in EXCLUSIVE):
            with pytest.raises(UsageError, match=r"exclude each other|has no effect"):
                load(tmp_path, *parts)
        else:
            profile = load(tmp_path, *parts)
            plain = FleetProfile(name="mine")
            changed = {key for key in KEYS if getattr(profile, key) != getattr(plain, key)}
            assert changed == keys


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ('seedCommand = ["x"]', "seedCommand: unknown key", "'seed_command'"),
        ('[ports]\ntranscript_sql = "x"', "ports.transcript_sql", "above the first [table]"),
        ("[limits]\npipelines = 5", "limits.pipelines: unknown key", "'pipeline'"),
        ("[limits]\ntask = 0", "limits.task: input should be greater", "comment on every key"),
        ("[limits.tasks]\npad_trak = 5", "limits.tasks: the contracts have", "'pad_track'"),
        ('tasks = ["pad_track"]', "tasks: ", "serves = "),
        ('serves = ["padtrack"]', "serves: the contracts have no 'padtrack'", "'pad_track'"),
        ('serves = ["pipeline"]', "serves: the contracts have no", "they have: "),
        ('database = "postgre"', "neither a kind of database nor a URL", "'postgres'"),
        ('database = "mysql://h/n"', "neither a kind of database nor a URL", "postgres"),
        (
            'database = "sqlite"\n[environment]\nH = "{database.host}"',
            "{database.host} is empty",
            'database = "postgres"',
        ),
        ('[environment]\nA = "{redis.hots}"', "did you mean {redis.host}?", "{redis.port}"),
        (
            '[workflow.steps]\nmerge_transcript = "m"',
            "workflow.steps: the contracts have no",
            "'merge_transcripts'",
        ),
        ('[workflow.output]\nal_words = "m"', "workflow.output: the", "'all_words'"),
        ('[workflow.input]\nroom = "m"', "workflow.input: the contracts", "'room_id'"),
        ('[workflow.output_from]\ntitel = "transcript.title"', "output_from: the", "'title'"),
        ('[workflow.output_from]\ntitle = "transcript"', "names no field", "<column>"),
        ('[workflow.output_from]\ntitle = "generate_titel.title"', "title: the", "_title'"),
        (
            '[tasks.pad_track.output]\npaded_url = "u"',
            "tasks.pad_track.output: the contracts have no 'paded_url'",
            "'padded_url'",
        ),
        ('[events.TOPIC.data]\ntimestmp = "u"', "events.TOPIC.data: the", "'timestamp'"),
    ],
)
def test_wrong_name_is_answered_with_the_nearest(
    text: str, what: str, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, f"{KEYS['command']}\n{text}")

    assert what in caught.value.what
    assert hint in caught.value.hint


def test_names_of_templates_and_branches_are_valid_steps(tmp_path: Path) -> None:
    profile = load(
        tmp_path, KEYS["command"], '[workflow.steps]\n"pad_{n}" = "P-{n}"\npad_track_0 = "first"'
    )

    assert set(profile.workflow.steps) == {"pad_{n}", "pad_track_0"}


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ("", None),
        ('database = "postgres"', "postgres"),
        ('database = "sqlite"', "sqlite"),
        ('database = "postgresql+psycopg://me@h/n"', None),
        ('[environment]\nHOST = "{database.host}"', "postgres"),
        ('[environment]\nFILE = "{database.file}"', None),
        ('[environment]\nFILE = "{database.file}"\nURL = "{database.libpq}"', None),
        ('[environment]\nURL = "{database.libpq}"', "postgres"),
    ],
)
def test_needed_database_follows_the_key_or_the_variables(
    keys: str, kind: str | None, tmp_path: Path
) -> None:
    assert needed_database(load(tmp_path, KEYS["command"], keys)) == kind


def test_choice_of_the_user_must_be_of_the_needed_kind() -> None:
    needs = FleetProfile(name="mine", attach=True, database="postgres")
    url = "postgresql+psycopg://me@h/n"

    assert database_choice(needs, None) == "postgres"
    assert database_choice(needs, url) == url
    assert database_choice(FleetProfile(name="mine", attach=True), None) is None
    with pytest.raises(UsageError, match="needs the database postgres"):
        database_choice(needs, "sqlite")


def test_limits_are_none_unless_given(tmp_path: Path) -> None:
    assert load(tmp_path, KEYS["command"]).limits == Limits()
    assert load(tmp_path, KEYS["command"], KEYS["limits"]).limits == Limits(
        task=60.0, tasks={"pad_track": 90.0}, pipeline=600.0
    )
