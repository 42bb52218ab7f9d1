"""`trackproof up` prints a testbed as environment variables that any shell can read."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from trackproof import cli, wait
from trackproof.fleet import REFERENCE, FleetProfile
from trackproof.lab import Surroundings, Testbed
from trackproof.verify import hand_over
from trackproof.verify.hand_over import HandOver, HandOverOptions, export_lines

HARD_TO_QUOTE = 'it\'s "$HOME" `id` \\ ö\nsecond line'
SHELLS = [shell for shell in ("sh", "bash", "zsh", "dash") if shutil.which(shell)]
SERVER = SimpleNamespace(api_url="http://c/api", backend="process", version="3.15.0")


def running(profile: FleetProfile = REFERENCE, **environment: str) -> HandOver:
    testbed = SimpleNamespace(conductor=SERVER, folder=Path("/tmp/x"))
    variables = {"s3.endpoint": "http://s3", "conductor.api_url": "http://c/api", "proxy.url": ""}
    around = Surroundings(variables, environment, "sqlite:///x.db", ())
    return HandOver(cast("Testbed", testbed), around, profile, None)


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> list[HandOverOptions]:
    """Replace the testbed; return the options of each start."""
    started: list[HandOverOptions] = []

    @contextmanager
    def handed_over(options: HandOverOptions, report: Callable[[str], None]) -> Iterator[HandOver]:
        started.append(options)
        report("Conductor 3.15.0 as a process")
        yield running(options.fleet, LLM_URL="http://llm", **{"odd-name": "1"})

    monkeypatch.setattr(hand_over, "handed_over", handed_over)
    monkeypatch.setattr(wait, "wait_for_interrupt", lambda _check: None)
    return started


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_reads_every_value_as_it_is(shell: str, tmp_path: Path) -> None:
    lines, odd = export_lines({"HARD": HARD_TO_QUOTE, "odd-name": "1", "EMPTY": "", "A": "b"})
    (tmp_path / "testbed.env").write_text(lines, encoding="utf-8")

    script = f'. {tmp_path}/testbed.env && printf \'%s|%s|%s\' "$HARD" "$EMPTY" "$A"'
    seen = subprocess.run([shell, "-c", script], capture_output=True, check=True).stdout

    assert seen.decode("utf-8") == f"{HARD_TO_QUOTE}||b"
    assert odd == ("odd-name",)


def test_the_profile_takes_precedence_and_empty_places_are_left_out() -> None:
    environment = running(CONDUCTOR_SERVER_URL="http://other/api", LLM_URL="http://llm").environment

    assert environment["CONDUCTOR_SERVER_URL"] == "http://other/api"
    assert environment["TESTBED_S3_ENDPOINT"] == "http://s3"
    assert environment["TESTBED_CONDUCTOR_API_URL"] == "http://c/api"
    assert environment["LLM_URL"] == "http://llm"
    assert "TESTBED_PROXY_URL" not in environment


def test_the_commands_are_those_of_the_profile(tmp_path: Path) -> None:
    profile = replace(
        REFERENCE,
        directory=tmp_path,
        migrate_command=("make", "tables"),
        register_command=(),
        command=("node", "my fleet.js"),
    )

    assert running(profile).commands == (
        f"cd {tmp_path} && make tables",
        f"cd {tmp_path} && node 'my fleet.js'",
    )


def test_standard_output_has_export_lines_only(handed: list[HandOverOptions]) -> None:
    done = CliRunner().invoke(cli.app, ["up", "--database", "postgres"])

    assert done.exit_code == 0, done.output
    assert all(line.startswith("export ") for line in done.stdout.splitlines())
    assert "export LLM_URL=http://llm" in done.stdout
    assert "no shell can export odd-name" in done.stderr
    assert "the testbed runs until Ctrl-C" in done.stderr
    assert [(one.fleet.name, one.database, one.with_fleet) for one in handed] == [
        ("reference", "postgres", False)
    ]


@pytest.mark.usefixtures("handed")
def test_json_has_every_variable() -> None:
    done = CliRunner().invoke(cli.app, ["up", "--json", "-"])

    content: dict[str, Any] = json.loads(done.stdout)
    assert content["environment"]["odd-name"] == "1"
    assert content["conductor"] == {"backend": "process", "version": "3.15.0"}
    assert content["commands"][-1].endswith("-m reference_workers")
    assert "export LLM_URL" not in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--fleet", "nothing.toml"), "profile 'nothing.toml' cannot be read"),
        (("--database", "mysql://h/d"), "invalid value of --database"),
        (("--json", "/no/such/folder/x"), "cannot be written to /no/such/folder/x"),
    ],
)
def test_a_usage_error_exits_with_2(arguments: tuple[str, ...], message: str) -> None:
    done = CliRunner().invoke(cli.app, ["up", *arguments])

    assert done.exit_code == 2
    assert message in done.stderr
