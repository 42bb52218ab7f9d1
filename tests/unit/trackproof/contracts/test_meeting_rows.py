"""The rows of a meeting have schemas, which the laboratory keeps and whose examples are valid."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from fixtures_audio import make_meeting
from trackproof.contracts.load import ROOT, load_contracts
from trackproof.contracts.schemas.normal_forms import inline_references
from trackproof.fleet.seed_columns import SEED_COLUMNS
from trackproof.runs.scenario import Scenario

ROWS = load_contracts().meeting_rows
SHAPES: dict[str, Any] = yaml.safe_load((ROOT / "shapes.yaml").read_text("utf-8"))["$defs"]
ROW_SHAPES = ("room", "recording", "transcript", "consent", "participant", "daily_participant")
DOCS = Path(__file__).parents[4] / "docs" / "fleets.md"


def validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema)


@pytest.mark.parametrize("name", ROW_SHAPES)
def test_every_row_has_types_descriptions_and_valid_examples(name: str) -> None:
    shape = SHAPES[name]

    assert shape["description"]
    assert all("type" in field or "$ref" in field for field in shape["properties"].values())
    for example in shape["examples"]:
        validator(inline_references(shape, SHAPES)).validate(example)


def test_examples_of_whole_meetings_are_valid() -> None:
    assert len(ROWS["examples"]) > 1
    for example in ROWS["examples"]:
        validator(ROWS).validate(example)


def test_example_in_the_docs_is_the_schemas() -> None:
    example = re.search(r"```json\n(\{\"room\".*?)```", DOCS.read_text("utf-8"), re.DOTALL)

    assert example is not None
    assert json.loads(example[1]) == ROWS["examples"][0]


@pytest.mark.parametrize("webhook", ["http://h/x", None])
def test_rows_of_a_scenario_are_valid(webhook: str | None) -> None:
    meeting = make_meeting(tracks=2, seconds=8.0, seed=0)
    rows = Scenario(meeting, (), frozenset({1}), "1f2e", datetime.now(UTC)).rows(webhook, "s")
    rows["transcript"] |= {
        column.name: json.loads(column.example)
        for column in SEED_COLUMNS
        if column.table == "transcript"
    }

    validator(ROWS).validate(rows)


def test_participant_has_one_shape_in_rows_and_webhook() -> None:
    webhook = load_contracts().services["webhook"]
    sent = webhook["components"]["schemas"]["Transcript"]["properties"]["participants"]["items"]
    stored = inline_references(ROWS)["properties"]["transcript"]["properties"]["participants"]

    def limits(shape: dict[str, Any]) -> dict[str, Any]:
        fields = shape["properties"]
        return {
            name: {key: value for key, value in field.items() if key != "description"}
            for name, field in fields.items()
        } | {"required": shape["required"]}

    assert limits(sent) == limits(stored["items"]) == limits(SHAPES["participant"])
    assert "speaker" in SHAPES["participant"]["required"]
    assert "track_keys" in SHAPES["participant"]["properties"]["speaker"]["description"]
