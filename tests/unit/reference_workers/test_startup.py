"""A command of the fleet that cannot begin says why in one line, and ends with 2."""

from __future__ import annotations

import importlib
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("logging_restored", "signals_restored")

COMMANDS = {
    "fleet": "reference_workers.__main__",
    "api": "reference_workers.platform.api.__main__",
    "seed": "reference_workers.platform.seed",
    "migrate": "reference_workers.platform.migrate",
    "register": "reference_workers.platform.register",
}
WITH_STATE = ["fleet", "seed", "migrate"]


@pytest.fixture
def signals_restored() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def last_words(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    main = importlib.import_module(COMMANDS[command]).main
    with pytest.raises(SystemExit) as ended:
        main(["upgrade"]) if command == "migrate" else main()
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith(f"{command}: ")
    assert told.count("\n") == 1
    return told


@pytest.mark.parametrize("command", COMMANDS)
def test_a_malformed_setting_is_named(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONDUCTOR_ENABLED", "perhaps-my-secret")
    told = last_words(command, capsys)
    assert "CONDUCTOR_ENABLED: Input should be a valid boolean" in told
    assert "secret" not in told


@pytest.mark.parametrize("command", WITH_STATE)
@pytest.mark.parametrize(
    ("url", "cause"),
    [
        (
            "nonsense",
            "invalid DATABASE_URL: not a URL. Hint: sqlite:////folder",
        ),
        ("mysql://u:secret@host/x", "unsupported database mysql. Hint: sqlite:////folder"),
        ("postgresql+psycopg://u:secret@127.0.0.1:9/x", "Connection refused"),
        ("sqlite:////nowhere/at/all.db", "unable to open database file"),
    ],
)
def test_a_database_of_no_use_is_told_without_its_password(
    command: str,
    url: str,
    cause: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    told = last_words(command, capsys)
    assert cause in told
    assert "secret" not in told


def test_tables_that_no_migration_made_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(tmp_path / "state.db")) as foreign:
        foreign.execute("CREATE TABLE transcripts (id TEXT)")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'state.db'}")
    assert "tables but no revision" in last_words("fleet", capsys)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/api", "nonsense"])
def test_a_conductor_that_does_not_answer_is_told(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", url)
    told = last_words("register", capsys)
    assert "cannot register the definitions" in told
    assert "CONDUCTOR_SERVER_URL" in told


def test_an_api_that_would_show_meetings_to_strangers_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("API_HOST", "0.0.0.0")
    assert "0.0.0.0" in last_words("api", capsys)
