"""The rendered page is the one in the repository."""

from __future__ import annotations

from pathlib import Path

from trackproof.contracts.docs_page import render
from trackproof.contracts.load import ROOT, load_contracts
from trackproof.contracts.traceability import load_criteria

PAGE = Path(__file__).parents[4] / "docs" / "contracts.md"


def test_the_page_is_up_to_date() -> None:
    # On failure: `trackproof contracts docs`, and commit the page.
    assert PAGE.read_text() == render(load_contracts(), load_criteria())


def test_whoever_takes_the_folder_alone_is_told_what_is_in_it() -> None:
    told = (ROOT / "README.md").read_text()
    data = [path for path in ROOT.iterdir() if path.suffix == ".yaml"]
    data += {path.parent for path in ROOT.glob("*/*") if path.suffix in {".yaml", ".json"}}

    assert [path.name for path in data if f"`{path.name}" not in told] == []


def test_nothing_that_fleets_need_stands_in_the_python_beside_it() -> None:
    contracts = load_contracts()

    assert contracts.event_room in (ROOT / "pipeline.yaml").read_text()
    for task in contracts.tasks.values():
        said = (ROOT / "pipeline.yaml").read_text() + (ROOT / f"tasks/{task.name}.yaml").read_text()
        facts = {**task.definition, **task.constants}
        assert [name for name, value in facts.items() if f"{name}: {value}" not in said] == []
