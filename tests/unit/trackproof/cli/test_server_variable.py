"""Every verb that takes a server reads CONDUCTOR_SERVER_URL."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from trackproof import cli
from trackproof.lab import free_port

pytestmark = pytest.mark.slow

VERBS = (
    ("run",),
    ("verify", "--only", "get_recording"),
    ("register",),
    ("explain", "some-id"),
    ("fleet", "check", "reference"),
)


@pytest.mark.parametrize("arguments", VERBS, ids=" ".join)
def test_the_variable_names_the_server(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", url)

    done = CliRunner().invoke(cli.app, list(arguments))

    assert done.exit_code == 2
    assert f"no usable Conductor answers at {url}/api" in done.output


@pytest.mark.parametrize("arguments", [*VERBS, ("replay",)], ids=" ".join)
def test_the_help_names_the_variable(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    verb = arguments[: 2 if arguments[0] == "fleet" else 1]

    assert "CONDUCTOR_SERVER_URL" in CliRunner().invoke(cli.app, [*verb, "--help"]).output


def test_the_option_takes_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", "http://127.0.0.1:9")

    done = CliRunner().invoke(cli.app, ["run", "--conductor", "no-backend"])

    assert "'no-backend' is not a Conductor backend" in done.output
