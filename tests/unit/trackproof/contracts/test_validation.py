from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.examples import examples
from trackproof.contracts.load import load_contracts
from trackproof.contracts.validate import (
    ContractViolationError,
    accepted_input,
    check,
    keeps_contract,
)

WORD = {"word": "hello", "start": 0.0, "end": 0.5, "speaker": 0}


def test_a_missing_field_gets_its_default() -> None:
    accepted = accepted_input("detect_topics", {"words": [], "transcript_id": "t"})

    assert accepted == {"words": [], "transcript_id": "t", "target_language": "en"}


def test_a_null_field_gets_its_default() -> None:
    payload: dict[str, Any] = {"words": [], "transcript_id": "t", "target_language": None}

    assert accepted_input("detect_topics", payload)["target_language"] == "en"


def test_a_missing_field_without_a_default_is_none() -> None:
    accepted = accepted_input("get_participants", {"mtg_session_id": None})

    assert accepted == {"mtg_session_id": None, "transcript_id": None}


def test_unknown_fields_are_dropped() -> None:
    payload = {"recording_id": "r", "track_index": 5, "_trace": {"id": 1}}

    assert accepted_input("get_recording", payload) == {"recording_id": "r"}


def test_a_falsy_value_is_not_replaced_by_the_default() -> None:
    payload = {"track_index": 0, "audio_url": "u", "language": "de"}

    assert accepted_input("transcribe_track", payload)["track_index"] == 0


@pytest.mark.parametrize(
    ("task", "payload", "pointer"),
    [
        ("get_recording", {}, ""),
        ("get_recording", {"recording_id": ""}, "/recording_id"),
        ("get_recording", {"recording_id": None}, "/recording_id"),
        (
            "pad_track",
            {"track_index": 64, "s3_key": "k", "bucket_name": "b", "transcript_id": "t"},
            "/track_index",
        ),
        (
            "detect_topics",
            {"words": [WORD, {**WORD, "start": -1}], "transcript_id": "t"},
            "/words/1/start",
        ),
        (
            "detect_topics",
            {"words": [], "transcript_id": "t", "target_language": "English please"},
            "/target_language",
        ),
        ("cleanup_consent", {"transcript_id": "t" * 201}, "/transcript_id"),
    ],
)
def test_a_violation_has_its_pointer(task: str, payload: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ContractViolationError) as caught:
        accepted_input(task, payload)

    assert (caught.value.task, caught.value.side) == (task, "input")
    assert caught.value.pointer == pointer
    assert str(caught.value).startswith(f"{task}: input at {pointer or '/'}: ")


def test_a_word_with_the_key_text_violates_the_contract() -> None:
    misnamed = {"text": "hello", "start": 0.0, "end": 0.5, "speaker": 0}

    with pytest.raises(ContractViolationError, match="/words/0"):
        check("transcribe_track", "output", {"words": [misnamed], "track_index": 0})


@pytest.mark.parametrize("length", [0, 254, 256])
def test_a_waveform_has_255_peaks(length: int) -> None:
    check("generate_waveform", "output", {"waveform": [0.5] * 255})

    with pytest.raises(ContractViolationError, match="/waveform"):
        check("generate_waveform", "output", {"waveform": [0.5] * length})


def test_long_values_in_an_error_message_are_truncated() -> None:
    with pytest.raises(ContractViolationError) as caught:
        accepted_input("get_recording", {"recording_id": ["x" * 10_000]})

    assert len(str(caught.value)) < 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.floats(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@examples(12)
@given(task=st.sampled_from(sorted(load_contracts().tasks)), data=st.data())
def test_any_payload_is_reduced_to_known_fields_or_rejected(task: str, data: st.DataObject) -> None:
    known = load_contracts().tasks[task].input["properties"]
    payload = data.draw(st.dictionaries(st.sampled_from([*known, "other"]), json_values))

    with suppress(ContractViolationError):
        assert accepted_input(task, payload).keys() == known.keys()


def test_a_violation_has_the_pointer_into_the_schema() -> None:
    with pytest.raises(ContractViolationError) as caught:
        accepted_input("get_recording", {"recording_id": ""})

    assert caught.value.schema_pointer == "/properties/recording_id/minLength"
    assert str(caught.value).endswith("(schema /properties/recording_id/minLength)")


TOPICS: dict[str, Any] = {"topics": []}


def test_a_worker_with_keyword_arguments_receives_known_fields_and_defaults() -> None:
    received = {}

    @keeps_contract("detect_topics")
    def detect(**fields: Any) -> dict[str, Any]:
        """Find topics."""
        received.update(fields)
        return TOPICS

    assert detect(words=[], transcript_id="t", target_language=None, other=1) == TOPICS
    assert received == {"words": [], "transcript_id": "t", "target_language": "en"}
    assert (detect.__name__, detect.__doc__) == ("detect", "Find topics.")


def test_a_worker_with_one_mapping_receives_known_fields_and_defaults() -> None:
    received = []

    @keeps_contract("detect_topics")
    def detect(payload: dict[str, Any]) -> dict[str, Any]:
        received.append(payload)
        return TOPICS

    detect({"words": [], "transcript_id": "t", "other": 1})

    assert received == [{"words": [], "transcript_id": "t", "target_language": "en"}]


def test_none_for_an_optional_argument_is_a_missing_field() -> None:
    @keeps_contract("get_participants")
    def fetch(mtg_session_id: str | None, transcript_id: str | None = None) -> dict[str, Any]:
        return {"participants": []}

    assert fetch(mtg_session_id=None, transcript_id=None) == {"participants": []}


def test_a_worker_is_not_called_with_invalid_input() -> None:
    @keeps_contract("get_recording")
    def never(recording_id: str) -> dict[str, Any]:
        raise AssertionError("called with invalid input")

    with pytest.raises(ContractViolationError) as caught:
        never(recording_id="")

    assert (caught.value.side, caught.value.pointer) == ("input", "/recording_id")


@pytest.mark.parametrize("output", [{}, {"topics": [{"id": "a"}]}, None, []])
def test_invalid_output_of_a_worker_raises_an_error(output: Any) -> None:
    @keeps_contract("detect_topics")
    def detect(**_: Any) -> dict[str, Any]:
        result: dict[str, Any] = output
        return result

    with pytest.raises(ContractViolationError) as caught:
        detect(words=[], transcript_id="t")

    assert caught.value.side == "output"


def test_decorating_with_an_unknown_task_raises_an_error() -> None:
    with pytest.raises(ValueError, match=r"no contract for the task 'pad_trak'; known: .*pad_"):
        keeps_contract("pad_trak")


def test_decorating_an_async_worker_raises_an_error() -> None:
    async def later() -> dict[str, Any]:
        return {}

    with pytest.raises(TypeError, match="later is async"):
        keeps_contract("finalize")(later)  # type: ignore[arg-type]
