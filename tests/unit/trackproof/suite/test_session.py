from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from trackproof.fleet.profile import FleetProfile, Invisible, TriggerTerms
from trackproof.suite.harness import Harness
from trackproof.suite.session import Session
from trackproof.testbed.conductor.traffic import Traffic

DECLARED = {"traffic": Invisible("a proxy of our own")}


@pytest.mark.parametrize(
    ("profile", "traffic", "parts"),
    [
        ({"command": ("x",)}, Traffic(), {}),
        ({"attach": True}, None, {"process": "(attach)", "traffic": "(attach)"}),
        ({"command": ("x",)}, None, {"traffic": "another network"}),
        ({"command": ("x",), "not_visible": DECLARED}, None, {"traffic": "a proxy of our own"}),
    ],
)
def test_what_cannot_be_seen_follows_from_the_profile(
    profile: dict[str, Any], traffic: Traffic | None, parts: dict[str, str]
) -> None:
    trigger = TriggerTerms(command=("t",), webhook_url="http://h", broker="/queue")
    harness = cast("Harness", SimpleNamespace(fleet=SimpleNamespace(traffic=traffic)))

    not_visible = Session(
        FleetProfile(name="sample", trigger=trigger, **profile), harness
    ).not_visible

    assert set(not_visible) == set(parts)
    assert all(parts[part] in one.reason for part, one in not_visible.items())


def test_a_fleet_of_workers_has_no_trigger_to_judge() -> None:
    harness = cast("Harness", SimpleNamespace(fleet=SimpleNamespace(traffic=Traffic())))

    not_visible = Session(FleetProfile(name="sample", command=("x",)), harness).not_visible

    assert not_visible["trigger"].reason == "a fleet of workers: the profile has no [trigger]"


def test_a_product_after_the_move_has_no_legacy_pipeline_to_judge() -> None:
    harness = cast("Harness", SimpleNamespace(fleet=SimpleNamespace(traffic=Traffic())))
    trigger = TriggerTerms(command=("t",), webhook_url="http://h")
    profile = FleetProfile(name="sample", command=("x",), trigger=trigger)

    assert set(Session(profile, harness).not_visible) == {"legacy"}
