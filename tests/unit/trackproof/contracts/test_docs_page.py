from __future__ import annotations

from pathlib import Path

from trackproof.contracts.docs_page import render
from trackproof.contracts.load import ROOT, load_contracts
from trackproof.contracts.traceability import load_criteria

PAGE = Path(__file__).parents[4] / "docs" / "contracts.md"


def test_the_page_is_up_to_date() -> None:
    # On failure: run `trackproof contracts docs` and commit the page.
    assert PAGE.read_text() == render(load_contracts(), load_criteria())


def test_the_readme_lists_every_file_of_the_contracts_folder() -> None:
    readme = (ROOT / "README.md").read_text()
    data = [path for path in ROOT.iterdir() if path.suffix == ".yaml"]
    data += {path.parent for path in ROOT.glob("*/*") if path.suffix in {".yaml", ".json"}}

    assert [path.name for path in data if f"`{path.name}" not in readme] == []


def test_every_value_of_a_definition_is_in_the_yaml_files() -> None:
    shared = (ROOT / "pipeline.yaml").read_text()

    for task in load_contracts().tasks.values():
        text = shared + (ROOT / f"tasks/{task.name}.yaml").read_text()
        values = {**task.definition, **task.constants}
        assert [name for name, value in values.items() if f"{name}: {value}" not in text] == []
