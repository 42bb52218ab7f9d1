"""The whole suite runs on either database: `TRACKPROOF_DATABASE=postgres pytest`."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from sqlalchemy import make_url

from tests import conftest
from trackproof.testbed.database import STARTED, VARIABLE, default_database


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, default_database())


def configured(**options: Any) -> Any:
    return SimpleNamespace(
        getoption=lambda name: options[name.removeprefix("--")], stash=pytest.Stash()
    )


@pytest.mark.parametrize("kind", STARTED)
def test_without_an_option_the_environment_says_which(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, kind)
    parser = Mock()

    conftest.pytest_addoption(parser)

    assert parser.addoption.call_args.kwargs["default"] == kind


def test_whole_runs_follow_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    conftest.pytest_configure(configured(database="postgres"))

    assert default_database() == "postgres"


def test_what_is_no_kind_of_database_is_refused_with_those_there_are() -> None:
    with pytest.raises(pytest.UsageError, match=r"oracle.* sqlite or postgres"):
        conftest.pytest_configure(configured(database="oracle"))


@pytest.mark.parametrize("kind", STARTED)
def test_a_test_gets_a_database_of_the_kind(kind: str, new_database: Callable[[str], str]) -> None:
    backend = make_url(new_database(kind)).get_backend_name()

    assert backend == {"sqlite": "sqlite", "postgres": "postgresql"}[kind]
