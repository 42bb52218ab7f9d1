"""A second verification with the same database and cache says the same as the first."""

from __future__ import annotations

from pathlib import Path

import pytest

from trackproof.suite.options import VerifyOptions
from trackproof.verify.runner import verify

pytestmark = [pytest.mark.conductor, pytest.mark.nightly, pytest.mark.timeout(1800)]


def test_a_database_of_an_earlier_verification_changes_no_verdict(tmp_path: Path) -> None:
    options = VerifyOptions(database=f"sqlite:///{tmp_path / 'state.db'}", repeat_failures=False)

    first, second = (
        {clause.id: (clause.status, clause.observed) for clause in verify(options, []).clauses}
        for _ in range(2)
    )

    assert first == dict.fromkeys(first, ("passed", ""))
    assert second == first
