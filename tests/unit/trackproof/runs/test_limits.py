"""Time limits follow the registered definitions, unless the profile sets them."""

from __future__ import annotations

from typing import Any

import pytest

from trackproof.fleet.profile import Limits
from trackproof.runs.limits import pipeline_limit, task_limit


@pytest.mark.parametrize(
    ("limits", "definition", "seconds"),
    [
        (Limits(), {}, 30.0),
        (Limits(), {"responseTimeoutSeconds": 0}, 30.0),
        (Limits(), {"responseTimeoutSeconds": 15}, 30.0),
        (Limits(), {"responseTimeoutSeconds": 60}, 60.0),
        (Limits(), {"responseTimeoutSeconds": 900}, 120.0),
        (Limits(task=5.0), {"responseTimeoutSeconds": 60}, 5.0),
        (Limits(task=5.0, tasks={"pad_track": 200.0}), {"responseTimeoutSeconds": 60}, 200.0),
        (Limits(tasks={"finalize": 200.0}), {"responseTimeoutSeconds": 60}, 60.0),
    ],
)
def test_limit_of_a_task(limits: Limits, definition: dict[str, Any], seconds: float) -> None:
    assert task_limit(limits, "pad_track", definition) == seconds


@pytest.mark.parametrize(
    ("limits", "timeout", "response", "seconds"),
    [
        (Limits(), None, 30, 120.0),
        (Limits(), 28800, 30, 300.0),
        (Limits(), 200, 30, 200.0),
        (Limits(), 60, 900, 240.0),
        (Limits(tasks={"pad_track": 500.0}), 60, 30, 1000.0),
        (Limits(pipeline=45.0), 28800, 900, 45.0),
    ],
)
def test_limit_of_the_pipeline(
    limits: Limits, timeout: int | None, response: int, seconds: float
) -> None:
    definitions = {"pad_track": {"responseTimeoutSeconds": response}}

    assert pipeline_limit(limits, {"timeoutSeconds": timeout}, definitions) == seconds
