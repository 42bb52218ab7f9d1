from __future__ import annotations

import pytest

from reference_workers.platform.trigger.switch import Switch
from reference_workers.settings import Settings


@pytest.mark.parametrize(
    ("enabled", "shadow", "conductor", "legacy", "fallback"),
    [
        (False, False, False, True, False),
        (False, True, False, True, False),
        (True, False, True, False, True),
        (True, True, True, True, False),
    ],
)
def test_each_combination_names_its_pipelines(
    enabled: bool, shadow: bool, conductor: bool, legacy: bool, fallback: bool
) -> None:
    switch = Switch.from_settings(Settings(conductor_enabled=enabled, conductor_shadow_mode=shadow))

    assert switch == Switch(conductor=conductor, legacy=legacy, fallback=fallback)
    assert switch.shadow is (enabled and shadow)


def test_without_fallback_conductor_is_alone() -> None:
    switch = Switch.from_settings(Settings(conductor_enabled=True, conductor_fallback=False))

    assert switch == Switch(conductor=True, legacy=False, fallback=False)
