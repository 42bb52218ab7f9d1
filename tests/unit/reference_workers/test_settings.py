from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from reference_workers.settings import Settings


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)


def test_the_defaults_are_the_seeds() -> None:
    settings = Settings()

    assert settings.conductor_server_url == "http://conductor:8080/api"
    assert settings.conductor_debug is False
    assert settings.conductor_enabled is False
    assert settings.conductor_shadow_mode is False


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("CONDUCTOR_SERVER_URL", "http://127.0.0.1:8127/api", "http://127.0.0.1:8127/api"),
        ("CONDUCTOR_DEBUG", "true", True),
        ("CONDUCTOR_ENABLED", "1", True),
        ("CONDUCTOR_SHADOW_MODE", "yes", True),
        ("TRANSCRIPT_URL", "http://modal.test", "http://modal.test"),
        ("TRANSCRIPT_MODAL_API_KEY", "key", SecretStr("key")),
        ("DAILY_API_KEY", "key", SecretStr("key")),
        ("S3_ENDPOINT_URL", "http://s3.test", "http://s3.test"),
        ("DATA_DIR", "/var/lib/fleet", Path("/var/lib/fleet")),
        ("BRANCH_THREADS", "16", 16),
        ("OUTSIDE_TIMEOUT_SECONDS", "2.5", 2.5),
    ],
)
def test_each_field_comes_from_the_variable_of_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: object
) -> None:
    monkeypatch.setenv(name, value)

    assert getattr(Settings(), name.lower()) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BRANCH_THREADS", "0"),
        ("BRANCH_THREADS", "many"),
        ("CONDUCTOR_ENABLED", "perhaps"),
        ("OUTSIDE_TIMEOUT_SECONDS", "-1"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


@pytest.mark.parametrize("show", [repr, str])
def test_secrets_are_never_shown(show: Callable[[Settings], str]) -> None:
    settings = Settings(
        daily_api_key=SecretStr("hunter2"),
        transcript_modal_api_key=SecretStr("hunter2"),
        llm_api_key=SecretStr("hunter2"),
        zulip_api_key=SecretStr("hunter2"),
        s3_secret_access_key=SecretStr("hunter2"),
        database_url="postgresql://fleet:hunter2@db/fleet",
    )

    assert "hunter2" not in show(settings)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().conductor_enabled = True


def test_calls_end_before_conductor_gives_the_task_up() -> None:
    settings = Settings()

    assert settings.outside_timeout_seconds < 30
    assert settings.transcription_timeout_seconds < 900
