from __future__ import annotations

import pytest

from tests.unit.trackproof.contracts.compat.edited_contracts import Document, changed, document
from tests.unit.trackproof.contracts.compat.every_change import CASES
from trackproof.contracts.compat import compare
from trackproof.contracts.compat.schema_nodes import root_node
from trackproof.contracts.compat.schemas import schema_changes


@pytest.mark.parametrize("kind", CASES)
def test_each_kind_of_change_has_its_verdict_reason_place_and_example(kind: str) -> None:
    edit, verdict, example = CASES[kind]

    changes = changed(edit)

    assert changes, "no change was seen"
    gravest = changes[0]
    assert gravest.verdict == verdict, changes
    assert gravest.reason.endswith(".")
    assert gravest.pointer.startswith("/")
    if example is not None:
        assert gravest.example == example


def test_the_same_contract_twice_is_no_change() -> None:
    assert compare(document(), document()) == []


def test_what_is_only_written_in_another_order_is_compatible() -> None:
    def shuffle(whole: Document) -> None:
        output = whole["tasks"]["get_recording"]["output"]
        output["required"].reverse()
        whole["tasks"]["get_recording"]["effects"]["calls"].reverse()
        whole["tasks"]["get_recording"]["errors"]["retryable"].reverse()

    assert {change.verdict for change in changed(shuffle)} == {"compatible"}


def test_a_field_that_loses_its_name_in_a_map_has_to_fit_the_maps_values() -> None:
    numbers = {"type": "object", "additionalProperties": {"type": "integer"}}
    old = {**numbers, "properties": {"a": {"type": "string"}}}
    new = {**numbers, "properties": {}}

    [change] = schema_changes(root_node(old, ""), root_node(new, ""), "to fleets")

    assert change.verdict == "breaking"
    assert change.example == '{"a": "a"}'


def test_a_shape_that_refers_to_itself_is_compared_to_its_end() -> None:
    def tree(kind: str) -> Document:
        children = {"type": "array", "items": {"$ref": "#/$defs/tree"}}
        fields = {"name": {"type": kind}, "children": children}
        node = {"type": "object", "properties": fields}
        return {"$ref": "#/$defs/tree", "$defs": {"tree": node}}

    [change] = schema_changes(
        root_node(tree("string"), ""), root_node(tree("integer"), ""), "from fleets"
    )

    assert change.pointer == "/$defs/tree/properties/name"
    assert change.verdict == "breaking"


def test_a_shape_that_two_tasks_share_is_told_of_both() -> None:
    def edit(whole: Document) -> None:
        for name in ("detect_topics", "generate_summary"):
            whole["tasks"][name]["input"]["$defs"]["word"]["required"].append("confidence")

    changes = changed(edit)

    assert [change.pointer for change in changes] == [
        "/tasks/detect_topics/input/$defs/word/required",
        "/tasks/generate_summary/input/$defs/word/required",
    ]
    assert {change.verdict for change in changes} == {"breaking"}


def test_a_change_is_told_with_place_reason_and_value() -> None:
    edit, *_ = CASES["input narrowed"]

    assert str(changed(edit)[0]) == (
        "breaking: /tasks/get_recording/input/properties/recording_id: get_recording: narrowed: "
        "minLength: 1 became 8\n"
        "  What consumers send may be refused: it may be 1 characters long, but at least 8 are "
        "expected.\n"
        '  breaks: "a"'
    )


def test_where_no_value_was_found_that_is_said() -> None:
    def edit(whole: Document) -> None:
        words = whole["tasks"]["detect_topics"]["input"]["$defs"]["language"]
        words["pattern"] = "^[a-z]{2,3}(-[A-Za-z0-9]{2,7})*$"

    change = changed(edit)[0]

    assert change.verdict == "breaking"
    assert "cannot be decided" in change.reason
    assert str(change).endswith("no example found")
