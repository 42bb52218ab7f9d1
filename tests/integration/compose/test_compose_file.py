"""What tools/compose/compose.yaml promises, without an engine."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Any

import pytest
import yaml

from reference_workers.settings import Settings
from tests.integration.compose.deployment import COMPOSE, EXAMPLE, FOLDER, IMAGES

FILE: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = FILE["services"]
ONE_SHOT = {"migrate", "register"}
POLLERS = {"workers", "legacy-worker"}
"""They serve nothing: Conductor and the broker know who polls."""
SECRETS = {
    *("DAILY_API_KEY", "DAILY_WEBHOOK_SECRET", "TRANSCRIPT_MODAL_API_KEY", "LLM_API_KEY"),
    *("ZULIP_API_KEY", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "API_TOKENS"),
    "POSTGRES_PASSWORD",
}


def test_every_part_of_the_product_is_a_service() -> None:
    parts = {"conductor", "postgres", "redis", "api", "trigger", "workers", "legacy-worker"}

    assert SERVICES.keys() == parts | ONE_SHOT
    assert [name for name, one in SERVICES.items() if "profiles" in one] == ["legacy-worker"]
    assert SERVICES["workers"]["deploy"]["replicas"] == "${WORKER_REPLICAS:-2}"


def test_conductor_has_the_port_and_the_health_check_of_the_seed() -> None:
    conductor = SERVICES["conductor"]

    assert conductor["ports"][0] == "127.0.0.1:${CONDUCTOR_PORT:-8127}:8080"
    check = {name: conductor["healthcheck"][name] for name in ("test", "interval", "retries")}
    test = ["CMD", "curl", "-f", "http://localhost:8080/health"]
    assert check == {"test": test, "interval": "30s", "retries": 5}
    assert conductor["healthcheck"]["timeout"] == "10s"


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - ONE_SHOT - POLLERS))
def test_a_service_that_others_connect_to_has_a_health_check(name: str) -> None:
    assert {"test", "interval", "timeout", "retries"} <= SERVICES[name]["healthcheck"].keys()


@pytest.mark.parametrize("name", SERVICES.keys())
def test_a_service_listens_on_loopback_and_gains_no_privileges(name: str) -> None:
    service = SERVICES[name]

    assert [port for port in service.get("ports", ()) if not port.startswith("127.0.0.1:")] == []
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES.keys())
def test_no_secret_has_a_value_in_the_file(name: str) -> None:
    environment = SERVICES[name].get("environment", {})

    values = {key: value for key, value in environment.items() if key in SECRETS}
    assert all(
        value is None or re.fullmatch(r"\$\{\w+:\?[^}]+\}", value) for value in values.values()
    )
    logins = re.findall(r"//[^/@\s]*:([^/@\s]+)@", str(environment))
    assert set(logins) <= {"${POSTGRES_PASSWORD:?set it in .env}"}


def test_every_variable_is_a_setting_of_the_product() -> None:
    known = {name.upper() for name in Settings.model_fields}
    products = {name for name, one in SERVICES.items() if "PRODUCT_IMAGE" in one["image"]}

    given = {key for name in products for key in SERVICES[name]["environment"]}
    assert products == SERVICES.keys() - {"conductor", "postgres", "redis"}
    assert given - known == set()


def test_the_example_has_every_required_variable() -> None:
    required = set(re.findall(r"\$\{(\w+):\?", COMPOSE.read_text(encoding="utf-8")))

    example = dict(re.findall(r"^(\w+)=(.*)$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE))
    assert required <= example.keys()
    assert {example[name] for name in SECRETS & example.keys()} == {""}


def test_the_recipe_builds_every_image_of_the_file_and_of_this_version() -> None:
    recipe = (FOLDER / "images" / "build.sh").read_text(encoding="utf-8")

    assert len(IMAGES) == 4
    assert [image for image in IMAGES if image not in recipe] == []
    assert f"trackproof/product:{version('trackproof')}" in IMAGES
