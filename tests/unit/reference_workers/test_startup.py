"""Startup errors: one line on standard error and exit code 2."""

from __future__ import annotations

import importlib
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import stamina

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


def error_line(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    main = importlib.import_module(COMMANDS[command]).main
    with pytest.raises(SystemExit) as ended:
        main(["upgrade"]) if command == "migrate" else main()
    assert ended.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith(f"{command}: ")
    assert message.count("\n") == 1
    return message


@pytest.mark.parametrize("command", COMMANDS)
def test_an_invalid_setting_is_named(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONDUCTOR_ENABLED", "perhaps-my-secret")
    message = error_line(command, capsys)
    assert "CONDUCTOR_ENABLED: Input should be a valid boolean" in message
    assert "secret" not in message


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
def test_an_unusable_database_is_reported_without_its_password(
    command: str,
    url: str,
    cause: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    message = error_line(command, capsys)
    assert cause in message
    assert "secret" not in message


def test_tables_without_a_revision_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(tmp_path / "state.db")) as foreign:
        foreign.execute("CREATE TABLE transcripts (id TEXT)")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'state.db'}")
    assert "tables but no revision" in error_line("fleet", capsys)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/api", "nonsense"])
def test_an_unreachable_conductor_is_reported(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", url)
    with stamina.set_testing(True, attempts=1):  # without pauses
        message = error_line("register", capsys)
    assert "cannot register the definitions" in message
    assert "CONDUCTOR_SERVER_URL" in message


def test_the_api_requires_tokens_beyond_loopback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("API_HOST", "0.0.0.0")
    assert "0.0.0.0" in error_line("api", capsys)
