"""The rendered page is the one in the repository."""

from __future__ import annotations

from pathlib import Path

from contracts.docs import render
from contracts.load import load_contracts
from contracts.tracing import load_criteria

PAGE = Path(__file__).parents[3] / "docs" / "contracts.md"


def test_the_page_is_up_to_date() -> None:
    # On failure: `trackproof contracts docs`, and commit the page.
    assert PAGE.read_text() == render(load_contracts(), load_criteria())
