from __future__ import annotations

import pytest

from tests.unit.trackproof.contracts.compat.change_cases import CASES
from tests.unit.trackproof.contracts.compat.edited_contracts import Document, changed, document
from trackproof.contracts.compat import compare
from trackproof.contracts.compat.schema_nodes import root_node
from trackproof.contracts.compat.schemas import schema_changes


@pytest.mark.parametrize("kind", CASES)
def test_each_kind_of_change_has_its_verdict_and_example(kind: str) -> None:
    edit, verdict, example = CASES[kind]

    changes = changed(edit)

    assert changes
    most_severe = changes[0]
    assert most_severe.verdict == verdict, changes
    assert most_severe.reason.endswith(".")
    assert most_severe.pointer.startswith("/")
    if example is not None:
        assert most_severe.example == example


def test_equal_contracts_have_no_changes() -> None:
    assert compare(document(), document()) == []


def test_another_order_is_compatible() -> None:
    def shuffle(whole: Document) -> None:
        output = whole["tasks"]["get_recording"]["output"]
        output["required"].reverse()
        whole["tasks"]["get_recording"]["effects"]["calls"].reverse()
        whole["tasks"]["get_recording"]["errors"]["retryable"].reverse()

    assert {change.verdict for change in changed(shuffle)} == {"compatible"}


def test_removing_a_property_of_a_map_is_breaking_if_the_map_rejects_its_values() -> None:
    numbers = {"type": "object", "additionalProperties": {"type": "integer"}}
    old = {**numbers, "properties": {"a": {"type": "string"}}}
    new = {**numbers, "properties": {}}

    [change] = schema_changes(root_node(old, ""), root_node(new, ""), "to fleets")

    assert change.verdict == "breaking"
    assert change.example == '{"a": "a"}'


def test_a_recursive_shape_is_compared_once() -> None:
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


def test_a_change_of_a_shared_shape_is_reported_for_each_task() -> None:
    def edit(whole: Document) -> None:
        for name in ("detect_topics", "generate_summary"):
            whole["tasks"][name]["input"]["$defs"]["word"]["required"].append("confidence")

    changes = changed(edit)

    assert [change.pointer for change in changes] == [
        "/tasks/detect_topics/input/$defs/word/required",
        "/tasks/generate_summary/input/$defs/word/required",
    ]
    assert {change.verdict for change in changes} == {"breaking"}


def test_a_change_prints_its_pointer_reason_and_example() -> None:
    edit, *_ = CASES["input narrowed"]

    assert str(changed(edit)[0]) == (
        "breaking: /tasks/get_recording/input/properties/recording_id: get_recording: narrowed: "
        "minLength: 1 became 8\n"
        "  Fleets may reject values that consumers send: its length may be 1, but at least 8 is "
        "expected.\n"
        '  breaks: "a"'
    )


def test_an_undecided_change_without_an_example_is_breaking() -> None:
    def edit(whole: Document) -> None:
        words = whole["tasks"]["detect_topics"]["input"]["$defs"]["language"]
        words["pattern"] = "^[a-z]{2,3}(-[A-Za-z0-9]{2,7})*$"

    change = changed(edit)[0]

    assert change.verdict == "breaking"
    assert "undecided whether" in change.reason
    assert str(change).endswith("no example found")
