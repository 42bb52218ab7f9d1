"""Schemas and the static check of the wiring know a list and a reference to one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.trackproof.contracts.dataflow_mutations import with_task, with_workflow
from trackproof.contracts.dataflow import check_dataflow
from trackproof.contracts.load import load_contracts, without_descriptions
from trackproof.contracts.validate import ContractViolationError, check

SHA256 = "0" * 64
WORD = {"word": "tide", "start": 0.5, "end": 0.9, "speaker": 0}


def reference(kind: str, **changes: Any) -> dict[str, Any]:
    return {"key": f"t/1/{kind}_{SHA256}.json", "count": 1, "size": 60, **changes}


@pytest.mark.parametrize("words", [[], [WORD], reference("words"), reference("track_words")])
def test_both_forms_are_valid(words: Any) -> None:
    check("detect_topics", "input", {"words": words, "transcript_id": "t"})
    check("transcribe_track", "output", {"words": words, "track_index": 0})
    check("merge_transcripts", "output", {"all_words": words, "word_count": 1})
    for transcripts in ([{"words": words}], {"transcribe_track_0": {"words": words}}):
        check("merge_transcripts", "input", {"transcripts": transcripts, "transcript_id": "t"})


@pytest.mark.parametrize(
    ("words", "pointer"),
    [
        (None, "/words"),
        ("tide", "/words"),
        ({}, "/words"),
        ([{**WORD, "start": -1}], "/words/0/start"),
        (reference("topics"), "/words/key"),
        (reference("words", key=f"t/words_{SHA256}.json\n"), "/words/key"),
        (reference("words", key="t/words_1.json"), "/words/key"),
        (reference("words", count=-1), "/words/count"),
        (reference("words", size="60"), "/words/size"),
        ({"key": f"t/words_{SHA256}.json", "count": 1}, "/words"),
    ],
)
def test_a_violation_is_located(words: Any, pointer: str) -> None:
    with pytest.raises(ContractViolationError) as caught:
        check("detect_topics", "input", {"words": words, "transcript_id": "t"})

    assert caught.value.pointer == pointer


def defects(contracts: Any) -> list[str]:
    return [f"{defect.pointer}: {defect.what}" for defect in check_dataflow(contracts)]


def test_a_task_that_takes_lists_only_does_not_fit() -> None:
    contracts = load_contracts()
    task = contracts.tasks["detect_topics"]
    words = {"type": "array", "items": {"$ref": "#/$defs/word"}}
    narrow = {**task.input, "properties": {**task.input["properties"], "words": words}}

    [defect] = defects(with_task(contracts, "detect_topics", input=narrow))

    assert "${merge_transcripts.output.all_words} does not match" in defect
    assert "it is object, but array is expected" in defect


def test_topics_are_no_words_in_either_form() -> None:
    def mixed_up(workflow: dict[str, Any]) -> None:
        [step] = [one for one in workflow["tasks"] if one["name"] == "detect_topics"]
        step["inputParameters"]["words"] = "${merge_transcripts.input.transcripts}"

    assert defects(with_workflow(load_contracts(), mixed_up))


def test_a_reference_to_topics_does_not_fit_where_words_are_expected() -> None:
    def mixed_up(workflow: dict[str, Any]) -> None:
        [fork] = [one for one in workflow["tasks"] if one["type"] == "FORK_JOIN"]
        [[_], [summary]] = fork["forkTasks"]
        summary["inputParameters"]["words"] = "${detect_topics.output.topics}"

    found = defects(with_workflow(load_contracts(), mixed_up))

    assert any("key" in defect for defect in found)


def test_registered_schemas_allow_the_same_and_have_no_descriptions() -> None:
    described = {
        "type": "object",
        "description": "A text.",
        "properties": {"description": {"type": "string", "description": "Its words."}},
        "$defs": {"examples": {"type": "integer", "examples": [1]}},
    }

    assert without_descriptions(described) == {
        "type": "object",
        "properties": {"description": {"type": "string"}},
        "$defs": {"examples": {"type": "integer"}},
    }
    for task in load_contracts().tasks.values():
        assert '"description"' not in json.dumps(task.task_definition()["outputSchema"])
