from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from reference_workers.settings import Settings


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)


def test_the_defaults_match_the_seed() -> None:
    settings = Settings()

    assert settings.conductor_server_url == "http://conductor:8080/api"
    assert settings.conductor_debug is False
    assert settings.conductor_enabled is False
    assert settings.conductor_shadow_mode is False


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


def test_timeouts_are_below_the_response_timeouts() -> None:
    settings = Settings()

    assert settings.outside_timeout_seconds < 30
    assert settings.transcription_timeout_seconds < 900
