"""Options from `trackproof.toml`, `pyproject.toml` and variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from trackproof import cli
from trackproof.cli.settings import (
    OPTIONS,
    SHARED,
    SettingsFile,
    defaults,
    find_file,
    options_from,
    variable_of,
)
from trackproof.errors import UsageError


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for option in OPTIONS:
        monkeypatch.delenv(variable_of(option), raising=False)


def options_of(verb: str) -> set[str]:
    command: Any = typer.main.get_command(cli.app)
    for name in verb.split():
        command = command.commands[name]
    return {
        name.removeprefix("--")
        for option in command.params
        for name in option.opts[:1]
        if name.startswith("--")
    }


def test_every_option_of_verify_can_be_set() -> None:
    assert set(OPTIONS) == options_of("verify")


@pytest.mark.parametrize("verb", SHARED)
def test_shared_options_exist(verb: str) -> None:
    assert set(SHARED[verb]) <= options_of(verb)


def test_the_nearest_file_is_read_and_paths_are_relative_to_it(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "pyproject.toml").write_text(
        '[tool.trackproof]\nfleet = "fleet.toml"\nhtml = "out/report.html"\njson = "-"\n'
        'only = ["pad_track", "finalize"]\nfloor = 90\n'
    )
    (tmp_path / "fleet.toml").touch()
    (inner / "pyproject.toml").write_text("[project]\nname = 'other'\n")

    assert defaults(inner)["verify"] == {
        "fleet": str(tmp_path / "fleet.toml"),
        "html": str(tmp_path / "out/report.html"),
        "json_file": "-",
        "only": "pad_track,finalize",
        "floor": 90.0,
    }


def test_its_own_file_comes_before_pyproject(tmp_path: Path) -> None:
    (tmp_path / "trackproof.toml").write_text('fleet = "own"\n')
    (tmp_path / "pyproject.toml").write_text('[tool.trackproof]\nfleet = "other"\n')

    assert find_file(tmp_path).table == {"fleet": "own"}


def test_a_variable_comes_before_the_file() -> None:
    file = SettingsFile(Path("trackproof.toml"), {"conductor-version": "3.15.0", "floor": 50})

    found = options_from(
        file, {"TRACKPROOF_CONDUCTOR_VERSION": "3.32.3", "TRACKPROOF_EXIT_FIRST": "true"}
    )

    assert found == {"conductor-version": "3.32.3", "floor": 50.0, "exit-first": True}


def test_an_empty_variable_is_not_set() -> None:
    assert options_from(SettingsFile(), {"TRACKPROOF_SHARD": ""}) == {}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"conductor_version": "3.15.0"}, "unknown key 'conductor_version'\n.*'conductor-version'"),
        ({"fleett": "x"}, "unknown key 'fleett'\n.*did you mean 'fleet'"),
        ({"colour": "red"}, "unknown key 'colour'\n.*known keys: fleet, only"),
        ({"floor": 200}, "floor: 200 is not between 0 and 100"),
        ({"floor": "high"}, "floor: could not convert"),
        ({"floor": True}, "floor: True is no number"),
        ({"floor": float("nan")}, "floor: nan is not between"),
        ({"fleet": 7}, "fleet: 7 is no text"),
        ({"html": ["a"]}, "html: .* is no text"),
        ({"keep": "perhaps"}, "keep: 'perhaps' is neither true nor false"),
    ],
    ids=str,
)
def test_a_wrong_key_or_value_names_its_file(table: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=rf"trackproof\.toml: {message}"):
        options_from(SettingsFile(Path("/x/trackproof.toml"), table), {})


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"TRACKPROOF_CONDUCTR": "process"}, "unknown variable TRACKPROOF_CONDUCTR\n.*CONDUCTOR"),
        ({"TRACKPROOF_FLOOR": "high"}, "the variable TRACKPROOF_FLOOR: could not"),
    ],
    ids=str,
)
def test_a_wrong_variable_is_an_error(variables: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        options_from(SettingsFile(), variables)


def test_other_variables_with_the_prefix_are_the_users_own() -> None:
    assert options_from(SettingsFile(), {"TRACKPROOF_TEAM": "a", "TRACKPROOF_DATABASE": "x"}) == {}


def test_the_variable_of_the_database_comes_before_the_file() -> None:
    file = SettingsFile(Path("trackproof.toml"), {"database": "postgres"})

    assert options_from(file, {"TRACKPROOF_DATABASE": "sqlite"}) == {}


def test_verbs_that_need_a_url_take_no_other_server() -> None:
    folder = Path("/nonexistent")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACKPROOF_CONDUCTOR", "process")
        chosen = defaults(folder)

    assert chosen["run"] == {"conductor": "process"}
    assert chosen["fleet"] == {"check": {"conductor": "process"}}
    assert chosen["register"] == chosen["explain"] == {}


def test_the_command_line_comes_first_and_a_wrong_file_ends_the_verb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = tmp_path / "trackproof.toml"
    settings.write_text('conductor = "from-file"\n')

    from_file = CliRunner().invoke(cli.app, ["run"])
    monkeypatch.setenv("TRACKPROOF_CONDUCTOR", "from-variable")
    from_variable = CliRunner().invoke(cli.app, ["run"])
    from_option = CliRunner().invoke(cli.app, ["run", "--conductor", "from-option"])
    settings.write_text("conductor = \n")
    broken = CliRunner().invoke(cli.app, ["fixtures", "list"])

    assert "'from-file' is not a Conductor backend" in from_file.output
    assert "'from-variable' is not a Conductor backend" in from_variable.output
    assert "'from-option' is not a Conductor backend" in from_option.output
    assert broken.exit_code == 2
    assert "trackproof.toml is not a readable TOML file" in broken.output


def test_files_above_a_folder_outside_a_repository_may_belong_to_others(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "trackproof.toml").write_text('fleet = "theirs.toml"\n')

    assert find_file(tmp_path / "inner") == SettingsFile()


def test_the_table_of_another_tool_is_none(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b'[project]\ndependencies = ["trackproof"]\n')

    assert find_file(tmp_path) == SettingsFile()


@pytest.mark.parametrize(
    "content",
    [b"[tool.trackproof\n", b'[tool.trackproof]\nfleet = "\xff"\n', b"[tool]\ntrackproof = 7\n"],
    ids=["syntax", "encoding", "no table"],
)
def test_a_damaged_file_is_an_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(content)

    with pytest.raises(UsageError, match=r"pyproject\.toml"):
        find_file(tmp_path)


def test_any_way_to_write_the_table_is_read(tmp_path: Path) -> None:
    inline = b'\xef\xbb\xbftool = { trackproof = { fleet = "own" } }\n'
    (tmp_path / "pyproject.toml").write_bytes(inline)

    assert find_file(tmp_path).table == {"fleet": "own"}
