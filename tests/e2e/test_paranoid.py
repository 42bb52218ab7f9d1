"""Deliveries, losses and deaths of one schedule, another one every day."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.paranoid.runner import main
from trackproof.testbed.postgres import find_programs


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_effects_stay_exactly_once() -> None:
    database = "postgres" if find_programs() else "sqlite"
    today = datetime.now(UTC).toordinal()
    assert main(["--seed", str(today), "--meetings", "3", "--database", database]) == 0
