"""A profile is validated strictly, and an error names the key and its correction."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from trackproof.errors import UsageError
from trackproof.fleet import FleetProfile, load_profile
from trackproof.fleet.scaffold import new_profile, write_new_profile
from trackproof.fleet.variables import VARIABLES, fill, template_error
from trackproof.lab import Testbed
from trackproof.testbed.conductor import ConductorServer
from trackproof.testbed.database import database_variables
from trackproof.testbed.stand_ins.stand_ins import StandIns

GOOD = 'name = "mine"\ncommand = ["./run"]\n'
TRIGGER = '[trigger]\ncommand = ["./trigger"]\nwebhook_url = "http://h:{trigger.port}/"\n'


def loaded(folder: Path, text: str) -> FleetProfile:
    (folder / "fleet.toml").write_text(text)
    return load_profile(folder / "fleet.toml")


def refused(folder: Path, text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        loaded(folder, text)
    return caught.value


def test_new_profile_loads_unchanged(tmp_path: Path) -> None:
    write_new_profile(tmp_path / "fleet.toml")

    assert load_profile(tmp_path / "fleet.toml").name == "mine"
    with pytest.raises(UsageError, match="exists already"):
        write_new_profile(tmp_path / "fleet.toml")


def test_new_profile_has_every_key_and_variable() -> None:
    text = new_profile()

    keys = [name for name in FleetProfile.__dataclass_fields__ if f"{name} = " not in text]
    assert [name for name in keys if f"[{name}" not in text] == []
    assert [name for name in VARIABLES if f"{{{name}}}" not in text] == []


def test_commented_keys_of_a_new_profile_load_too(tmp_path: Path) -> None:
    lines = []
    for line in new_profile().splitlines():
        shown = line.removeprefix("# ")
        try:
            tomllib.loads(shown)
        except tomllib.TOMLDecodeError:
            continue
        lines.append(shown)
    text = "\n".join(lines)
    for line in ("attach = true", 'command = ["./run-workers"]', 'seed_command = ["./seed"]'):
        text = text.replace(f"{line}\n", "", 1)
    for line in ("events_redis", "events_websocket", "register_command"):
        text = "\n".join(one for one in text.splitlines() if not one.startswith(line))

    profile = loaded(tmp_path, text)

    assert profile.container is not None
    assert profile.fields["word"].name == "text"
    assert profile.tasks["merge_transcripts"].output["all_words[].start"].unit == "ms"
    assert profile.deviations[0].until == date(2027, 1, 31)
    assert profile.overlay.tasks["pad_track"] == {"retryCount": 5}


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ('name = "x"\n', "nothing to start", "attach = true"),
        (GOOD + "attach = true\n", "exclude each other", "remove all but one"),
        (GOOD + 'comand = "x"\n', "comand: unknown key", "'command'"),
        (GOOD + "[ports]\nservces = 1\n", "ports.servces: unknown key", "'services'"),
        (GOOD + "[container]\nimagee = 1\n", "container.imagee: unknown", "'image'"),
        (GOOD + '[tasks.pad_track]\nnmae = "x"\n', "tasks.pad_track.nmae", "'name'"),
        (GOOD + '[tasks.pad_trak]\nname = "x"\n', "have no 'pad_trak'", "'pad_track'"),
        (GOOD + '[events.TOPICS]\nname = "x"\n', "have no 'TOPICS'", "'TOPIC'"),
        (GOOD + '[fields]\nstart = { unti = "ms" }\n', "fields.start.unti", "'unit'"),
        (GOOD + '[fields]\nstart = { unit = "m" }\n', "fields.start.unit: input should be", "new"),
        (GOOD + '[keys]\n"{transcript}/audio.mp3" = "x"\n', "have no", "audio.mp3"),
        (GOOD + '[environment]\nA = "{s3.endpont}"\n', "did you mean {s3.endpoint}?", "{llm.url}"),
        (GOOD + "[environment]\nA = '{\"a\": 1}'\n", "environment.A", "{llm.url}"),
        (GOOD + TRIGGER + "legacy_comand = []\n", "trigger.legacy_comand", "'legacy_command'"),
        (GOOD + TRIGGER + 'polling.A = "{daily.kee}"\n', "trigger.polling.A", "{daily.key}"),
        (GOOD + '[trigger]\nwebhook_url = "u"\n', "trigger.command: this key is required", "new"),
        (GOOD + 'events_redis = "events"\n', "{transcript_id} is missing", "select"),
        (
            GOOD + 'events_sql = "x"\nevents_redis = "{transcript_id}"\n',
            "exclude each other",
            "all but one",
        ),
        (
            GOOD + 'register_command = ["x"]\n[overlay.workflow]\na = 1\n',
            "no effect with register_command",
            "one of them",
        ),
        (
            GOOD + '[[deviations]]\nclause = "pad_track.offse"\nreason = "x"\nuntil = 2030-01-01\n',
            "have no 'pad_track.offse'",
            "'pad_track.offset'",
        ),
        (GOOD + '[trigger]\ncommand = ["x"]\n', "trigger.webhook_url: this key is", "new"),
        (GOOD + '[trigger]\ncomand = ["x"]\n', "trigger.comand: unknown", "'command'"),
        (
            GOOD + '[trigger]\ncommand = ["x"]\nwebhook_url = "{trigger.prt}"\nbroker = "/q"\n',
            "trigger.webhook_url: unknown variable {trigger.prt}; did you mean {trigger.port}?",
            "{trigger.folder}",
        ),
        (GOOD + "[overlay.steps.post_zulp]\na = 1\n", "have no 'post_zulp'", "'post_zulip'"),
    ],
)
def test_error_names_the_key_and_its_correction(
    text: str, what: str, hint: str, tmp_path: Path
) -> None:
    error = refused(tmp_path, text)

    assert what in error.what
    assert hint in error.hint


def test_paths_are_relative_to_the_profile(tmp_path: Path) -> None:
    profile = loaded(
        tmp_path,
        'name = "x"\ndirectory = "workers"\n[container]\nimage = "y"\nmounts = {"/c" = "config"}\n',
    )

    assert profile.directory == tmp_path / "workers"
    assert profile.container is not None
    assert profile.container.mounts == {"/c": str(tmp_path / "config")}


def test_template_is_filled_and_may_have_literal_braces() -> None:
    assert fill('{{"url": "{s3.endpoint}"}}', {"s3.endpoint": "http://s"}) == '{"url": "http://s"}'
    assert template_error('{{"url": "{s3.endpoint}"}}') == ""


def test_variables_of_the_testbed_are_the_documented_ones() -> None:
    services = ("daily", "modal", "llm", "zulip", "webhook")
    parts = SimpleNamespace(
        conductor=cast("ConductorServer", SimpleNamespace(api_url="c")),
        s3=SimpleNamespace(endpoint="s", access_key="a", secret_key="b", region="r"),
        stand_ins=StandIns(),
        served=SimpleNamespace(urls=dict.fromkeys(services, "u")),
        folder=Path("f"),
    )
    variables = Testbed.variables(cast("Testbed", parts))

    others = {"redis.url", "redis.host", "redis.port", "fleet.port", "proxy.url", "proxy.ca"}
    others |= {"trigger.port"}
    assert {*variables, *database_variables("sqlite:///x.db"), *others} == set(VARIABLES)
