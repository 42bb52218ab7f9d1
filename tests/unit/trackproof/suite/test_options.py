"""Options become commands that repeat a clause, and follow the fleet's profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from trackproof.errors import UsageError
from trackproof.fleet import FleetProfile
from trackproof.suite.options import FAILURES, VerifyOptions, is_served
from trackproof.testbed.database import VARIABLE

URL = "postgresql+psycopg://me:hunter2@h/n"


@pytest.fixture(autouse=True)
def _no_default_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.mark.parametrize(
    ("options", "command"),
    [
        (VerifyOptions("my.toml"), "--fleet my.toml --only a.b --conductor-version 3.15.0"),
        (
            VerifyOptions("my fleet.toml", conductor="process", version="3.32.3"),
            "--fleet 'my fleet.toml' --only a.b --conductor process --conductor-version 3.32.3",
        ),
        (
            VerifyOptions("my.toml", conductor="http://c:1/api", database="postgres"),
            "--fleet my.toml --only a.b --conductor http://c:1/api --database postgres",
        ),
        (
            VerifyOptions("my.toml", conductor="http://c:1/api", database=URL),
            "--fleet my.toml --only a.b --conductor http://c:1/api "
            "--database 'postgresql+psycopg://me:***@h/n'",
        ),
    ],
)
def test_command_has_every_option_that_it_needs(options: VerifyOptions, command: str) -> None:
    assert options.verify_command("a.b") == f"trackproof verify {command}"


def test_database_of_the_environment_is_an_option_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "postgres")

    assert VerifyOptions("x").verify_command("a.b").endswith("--database postgres")


def test_replay_names_server_and_folder(tmp_path: Path) -> None:
    here = VerifyOptions("x", conductor="http://c:1/api", failures=FAILURES.resolve())
    elsewhere = VerifyOptions("x", failures=tmp_path)

    assert here.replay_command("id-1") == "trackproof replay id-1 --conductor http://c:1/api"
    assert elsewhere.replay_command("id-1").endswith(f"3.15.0 --failures {tmp_path}")


def test_fleet_serves_the_clauses_of_its_tasks() -> None:
    serves = ("pad_track", "finalize")

    assert is_served("pad_track.offset", serves)
    assert is_served("finalize", serves)
    assert not is_served("generate_title.one-line", serves)
    assert is_served("generate_title.one-line", ())


def test_only_must_name_what_the_fleet_serves() -> None:
    profile = FleetProfile(name="mine", attach=True, serves=("pad_track",))

    assert VerifyOptions(only=("pad_track.offset",)).for_fleet(profile).serves == ("pad_track",)
    with pytest.raises(UsageError, match="does not serve: finalize") as caught:
        VerifyOptions(only=("finalize", "pad_track")).for_fleet(profile)

    assert "pad_track" in caught.value.hint
