"""Names, units, values and keys are translated between a fleet's terms and the contracts'."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackproof.contracts.load import load_contracts
from trackproof.fleet.profile import (
    EventTerms,
    FieldTerms,
    FleetProfile,
    Overlay,
    TaskTerms,
    WorkflowTerms,
)
from trackproof.fleet.translation.definitions import definitions
from trackproof.fleet.translation.field_map import FieldMap, TemplateMap
from trackproof.fleet.translation.translator import Translator

NO_KEYS = TemplateMap({})
MS = FieldTerms(name="start_ms", unit="ms")


def named(name: str) -> FieldTerms:
    return FieldTerms(name=name)


WORDS = FieldMap({"words[].word": named("text"), "words[].start": MS}, {}, NO_KEYS)


def test_names_and_units_are_translated_by_path() -> None:
    translated = WORDS.to_fleet(
        {"word": "stays", "words": [{"word": "tide", "start": 0.5, "speaker": 0}]}
    )

    assert translated == {
        "word": "stays",
        "words": [{"text": "tide", "start_ms": 500, "speaker": 0}],
    }
    assert WORDS.from_fleet(translated)["words"] == [{"word": "tide", "start": 0.5, "speaker": 0}]


def test_star_matches_every_key_of_a_map() -> None:
    branches = FieldMap({"given.*.words[].word": named("text")}, {}, NO_KEYS)
    contract = {"given": {"word": {"words": [{"word": "tide"}]}, "b": {"words": []}}}

    assert branches.to_fleet(contract) == {
        "given": {"word": {"words": [{"text": "tide"}]}, "b": {"words": []}}
    }
    assert branches.from_fleet(branches.to_fleet(contract)) == contract


def test_path_takes_precedence_over_a_name_at_any_depth() -> None:
    rules = FieldMap({"topics[].title": named("label")}, {"title": named("name")}, NO_KEYS)

    assert rules.to_fleet({"title": "a", "topics": [{"title": "b"}], "more": {"title": "c"}}) == {
        "name": "a",
        "topics": [{"label": "b"}],
        "more": {"name": "c"},
    }


def test_values_and_keys_may_have_placeholders() -> None:
    rules = FieldMap(
        {
            "kind": FieldTerms(values={"pad_track": "PadTrack"}),
            "inputs": FieldTerms(keys={"pad_track_{n}": "PadTrack-{n}"}),
        },
        {},
        TemplateMap({"{transcript_id}/audio.mp3": "mp3/{transcript_id}"}),
    )
    contract = {"kind": "pad_track", "inputs": {"pad_track_10": 1}, "audio_key": "t-1/audio.mp3"}

    translated = rules.to_fleet(contract)

    assert translated == {"kind": "PadTrack", "inputs": {"PadTrack-10": 1}, "audio_key": "mp3/t-1"}
    assert rules.from_fleet(translated) == contract


@pytest.mark.parametrize("odd", [None, "soon", True, [], {}, float("inf"), [1.5]], ids=str)
def test_value_of_unexpected_shape_is_unchanged(odd: Any) -> None:
    assert WORDS.to_fleet({"words": [{"start": odd}]}) == {"words": [{"start_ms": odd}]}
    assert WORDS.from_fleet({"words": [{"start_ms": odd}]}) == {"words": [{"start": odd}]}
    assert WORDS.to_fleet({"words": odd}) == {"words": odd}
    assert WORDS.from_fleet(odd) == odd


def test_contract_name_that_the_fleet_does_not_use_is_marked() -> None:
    # Otherwise a fleet with a wrong profile would pass by accident.
    assert WORDS.from_fleet({"words": [{"word": "tide"}]}) == {
        "words": [{"word (untranslated)": "tide"}]
    }


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.text() | st.integers(0, 10**9).map(lambda ms: ms / 1000),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["words", "word", "start", "speaker", "x"]), inner)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=20)
@given(document=DOCUMENTS)
def test_translation_is_reversible(document: Any) -> None:
    assert WORDS.from_fleet(WORDS.to_fleet(document)) == document


@pytest.fixture
def foreign() -> FleetProfile:
    return FleetProfile(
        name="foreign",
        attach=True,
        tasks={
            "merge_transcripts": TaskTerms(
                name="Merger",
                input={"transcripts": named("tracks")},
                output={"all_words": named("words")},
                extra={"api": 2},
            ),
            "get_recording": TaskTerms(input={"recording_id": named("recording")}),
        },
        workflow=WorkflowTerms(
            name="theirs",
            version=4,
            input={"recording_id": named("rid")},
            output={"title": named("heading")},
            steps={"merge_transcripts": "merge", "join_track_padding": "join1"},
            extra={"tenant": "acme"},
        ),
        events={"TOPIC": EventTerms(name="topic", data={"timestamp": MS})},
        overlay=Overlay(
            tasks={"merge_transcripts": {"retryCount": 9}},
            workflow={"description": "Ours."},
            steps={"post_zulip": {"inputParameters": {"quiet": True}}},
        ),
    )


def step(workflow: Any, reference: str) -> dict[str, Any]:
    (match,) = [one for one in workflow["tasks"] if one["taskReferenceName"] == reference]
    return dict(match)


def test_definitions_have_the_fleets_terms_and_overlay(
    foreign: FleetProfile,
) -> None:
    tasks, workflow = definitions(foreign)

    merger = next(task for task in tasks if task["name"] == "Merger")
    assert (merger["retryCount"], set(merger["inputKeys"])) == (9, {"tracks", "transcript_id"})
    assert "inputSchema" not in merger
    assert len(tasks) == len(load_contracts().tasks)
    assert (workflow["name"], workflow["version"]) == ("theirs", 4)
    assert workflow["description"] == "Ours."
    assert workflow["inputParameters"][0] == "rid"
    assert step(workflow, "get_recording")["inputParameters"] == {
        "recording": "${workflow.input.rid}"
    }
    merge = step(workflow, "merge")
    assert merge["name"] == "Merger"
    assert set(merge["inputParameters"]) == {"tracks", "transcript_id", "api"}
    assert step(workflow, "detect_topics")["inputParameters"]["words"] == "${merge.output.words}"
    assert workflow["outputParameters"]["heading"] == "${generate_title.output.title}"
    assert "${merge.output.words}" in workflow["outputParameters"].values()


def test_workflow_translation_is_reversible(foreign: FleetProfile) -> None:
    translator, workflow = Translator(foreign), dict(load_contracts().workflow)

    assert translator.workflow_from_fleet(translator.workflow_to_fleet(workflow)) == workflow


def test_overlay_of_a_nested_step_is_merged(foreign: FleetProfile) -> None:
    _, workflow = definitions(foreign)

    def has_overlay(part: Any) -> bool:
        if isinstance(part, dict):
            is_step = part.get("taskReferenceName") == "post_zulip"
            return (is_step and part["inputParameters"].get("quiet") is True) or any(
                map(has_overlay, part.values())
            )
        return isinstance(part, list) and any(map(has_overlay, part))

    assert has_overlay(workflow["tasks"])


def test_fleet_without_terms_has_the_contracts_definitions() -> None:
    plain = FleetProfile(name="plain", attach=True)

    tasks, workflow = definitions(plain)

    assert Translator(plain).is_identity
    assert tasks == [
        {**task, "enforceSchema": False} for task in load_contracts().task_definitions()
    ]
    assert workflow == load_contracts().workflow


def test_run_is_translated(foreign: FleetProfile) -> None:
    run = {
        "workflowId": "w",
        "workflowName": "theirs",
        "workflowVersion": 4,
        "input": {"rid": "r", "tenant": "acme"},
        "output": {"heading": "Tides"},
        "tasks": [
            {
                "taskDefName": "Merger",
                "taskType": "Merger",
                "referenceTaskName": "merge",
                "workflowTask": {"name": "Merger", "optional": False},
                "inputData": {"tracks": {}},
                "outputData": {"words": []},
            }
        ],
    }

    translated = Translator(foreign).run_from_fleet(run)

    workflow = load_contracts().workflow
    assert (translated["workflowName"], translated["workflowVersion"]) == (
        workflow["name"],
        workflow["version"],
    )
    assert translated["input"]["recording_id"] == "r"
    assert translated["output"] == {"title": "Tides"}
    assert translated["tasks"] == [
        {
            "taskDefName": "merge_transcripts",
            "taskType": "merge_transcripts",
            "referenceTaskName": "merge_transcripts",
            "workflowTask": {"name": "merge_transcripts", "optional": False},
            "inputData": {"transcripts": {}},
            "outputData": {"all_words": []},
        }
    ]


def test_events_and_workflow_input_are_translated(foreign: FleetProfile) -> None:
    translator = Translator(foreign)

    assert translator.event_from_fleet("topic", {"start_ms": 1500}) == ("TOPIC", {"timestamp": 1.5})
    assert translator.event_from_fleet("other", {"a": 1}) == ("other", {"a": 1})
    assert translator.workflow_input({"recording_id": "r", "room_id": "x"}) == {
        "rid": "r",
        "room_id": "x",
        "tenant": "acme",
    }
