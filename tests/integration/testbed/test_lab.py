"""A fleet's environment is filled with the variables of its testbed."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from trackproof.errors import FleetError
from trackproof.fleet import REFERENCE, FleetProfile
from trackproof.lab import Testbed
from trackproof.testbed.conductor import ConductorServer
from trackproof.testbed.conductor.rest import ConductorRest
from trackproof.testbed.s3.server import S3Server
from trackproof.testbed.stand_ins.server import ServedStandIns
from trackproof.testbed.stand_ins.stand_ins import StandIns
from trackproof.wait import wait_until

SERVICES = ("daily", "modal", "llm", "zulip", "webhook")
PRINT_ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"


@pytest.fixture
def testbed(tmp_path: Path) -> Testbed:
    """Return a testbed of fake parts."""
    server = SimpleNamespace(api_url="http://conductor.test/api")
    s3 = SimpleNamespace(
        endpoint="http://s3.test", access_key="access", secret_key="secret", region="here"
    )
    served = SimpleNamespace(urls={name: f"http://{name}.test" for name in SERVICES})
    return Testbed(
        conductor=cast("ConductorServer", server),
        rest=cast("ConductorRest", None),
        s3=cast("S3Server", s3),
        stand_ins=StandIns(),
        served=cast("ServedStandIns", served),
        folder=tmp_path,
        database_url="sqlite:///somewhere.db",
    )


def with_environment(**environment: str) -> FleetProfile:
    command = (sys.executable, "-c", PRINT_ENVIRONMENT)
    return replace(REFERENCE, name="sample", command=command, environment=environment)


def environment_of(testbed: Testbed, profile: FleetProfile) -> dict[str, str]:
    with testbed.fleet(profile) as fleet:
        log = wait_until(
            lambda: fleet.log() if fleet.log().endswith("\n") else None,
            what="the fleet's environment",
            timeout=20,
            interval=0.01,
        )
    environment: dict[str, str] = json.loads(log)
    return environment


def test_reference_fleet_gets_every_variable(testbed: Testbed, tmp_path: Path) -> None:
    keys = testbed.stand_ins.credentials

    environment = environment_of(
        testbed, replace(with_environment(), environment=REFERENCE.environment)
    )

    assert {name: environment[name] for name in REFERENCE.environment} == {
        "CONDUCTOR_SERVER_URL": "http://conductor.test/api",
        "CONDUCTOR_ENABLED": "true",
        "DAILY_API_URL": "http://daily.test",
        "DAILY_API_KEY": keys.daily_key,
        "TRANSCRIPT_URL": "http://modal.test",
        "TRANSCRIPT_MODAL_API_KEY": keys.modal_key,
        "LLM_URL": "http://llm.test",
        "LLM_API_KEY": keys.llm_key,
        "ZULIP_URL": "http://zulip.test",
        "ZULIP_BOT_EMAIL": keys.zulip_email,
        "ZULIP_API_KEY": keys.zulip_key,
        "S3_ENDPOINT_URL": "http://s3.test",
        "S3_ACCESS_KEY_ID": "access",
        "S3_SECRET_ACCESS_KEY": "secret",
        "S3_REGION": "here",
        "TRANSCRIPT_BUCKET": "transcripts",
        "DATABASE_URL": "sqlite:///somewhere.db",
        "DATA_DIR": f"{tmp_path}/data",
        "OUTAGE_WAIT_SECONDS": "1",
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128",
    }


def test_profile_takes_precedence_over_the_shell(
    testbed: Testbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_URL", "https://somewhere.else")
    monkeypatch.setenv("UNRELATED", "unchanged")

    environment = environment_of(testbed, with_environment(LLM_URL="{llm.url}/v1"))

    assert environment["LLM_URL"] == "http://llm.test/v1"
    assert environment["UNRELATED"] == "unchanged"


def test_temporary_folder_of_a_fleet_is_in_the_testbeds_folder(testbed: Testbed) -> None:
    scratch = Path(environment_of(testbed, with_environment())["TMPDIR"])

    assert scratch.is_dir()
    assert scratch.is_relative_to(testbed.folder)


@pytest.mark.parametrize("value", ["{s3.nothing}", '{"json": 1}', "{unclosed"])
def test_unknown_variable_is_an_error_with_the_known_ones(value: str, testbed: Testbed) -> None:
    with (
        pytest.raises(FleetError, match="the environment of fleet 'sample' cannot be") as caught,
        testbed.fleet(with_environment(URL=value)),
    ):
        pass

    assert "s3.endpoint" in caught.value.hint


def test_second_start_of_a_fleet_does_not_migrate_its_database_again(testbed: Testbed) -> None:
    only_once = "import pathlib; pathlib.Path('migrated').touch(exist_ok=False)"
    profile = replace(with_environment(), migrate_command=(sys.executable, "-c", only_once))

    for _ in range(2):
        with testbed.fleet(profile):
            pass


def test_fleet_ends_with_the_block(testbed: Testbed) -> None:
    profile = replace(
        with_environment(), command=(sys.executable, "-c", "import time; time.sleep(600)")
    )
    with pytest.raises(ZeroDivisionError), testbed.fleet(profile) as fleet:
        raise ZeroDivisionError

    with pytest.raises(FleetError, match="died"):
        fleet.check_alive()


def test_loopback_bypasses_the_users_proxy_in_a_fleet(
    testbed: Testbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", ".corp,fd07:b51a:cc66:f0::/64")

    environment = environment_of(testbed, with_environment())

    assert environment["HTTP_PROXY"] == "http://127.0.0.1:9"
    excluded = "localhost,127.0.0.1,::1,127.0.0.0/8,.corp"
    assert (environment["NO_PROXY"], environment["no_proxy"]) == (excluded, excluded)


def test_the_terminals_encoding_does_not_reach_a_fleet(
    testbed: Testbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")

    assert environment_of(testbed, with_environment())["PYTHONIOENCODING"] == "utf-8"
