from __future__ import annotations

import jsonschema
import pytest

from trackproof.contracts.load import field_names, load_contracts

CONTRACTS = load_contracts()

# The seed's appendix: timeout, response timeout (seconds) and retries; TASK-016 names the last.
SEED = {
    "get_recording": (60, 30, 3),
    "get_participants": (60, 30, 3),
    "pad_track": (300, 120, 3),
    "mixdown_tracks": (600, 300, 3),
    "generate_waveform": (120, 60, 3),
    "transcribe_track": (1800, 900, 3),
    "merge_transcripts": (60, 30, 3),
    "detect_topics": (300, 120, 3),
    "generate_title": (60, 30, 3),
    "generate_summary": (300, 120, 3),
    "finalize": (60, 30, 3),
    "cleanup_consent": (60, 30, 3),
    "post_zulip": (60, 30, 5),
    "send_webhook": (60, 30, 30),
    "generate_dynamic_fork_tasks": (30, 15, 3),
}

STEPS = [
    ("get_recording", "get_recording"),
    ("get_participants", "get_participants"),
    ("generate_padding_tasks", "generate_dynamic_fork_tasks"),
    ("fork_track_padding", "pad_track"),
    ("mixdown_tracks", "mixdown_tracks"),
    ("generate_waveform", "generate_waveform"),
    ("generate_transcription_tasks", "generate_dynamic_fork_tasks"),
    ("fork_track_transcription", "transcribe_track"),
    ("merge_transcripts", "merge_transcripts"),
    ("detect_topics", "detect_topics"),
    ("generate_title", "generate_title"),
    ("generate_summary", "generate_summary"),
    ("finalize", "finalize"),
    ("cleanup_consent", "cleanup_consent"),
    ("post_zulip", "post_zulip"),
    ("send_webhook", "send_webhook"),
]

OUTPUT_KEYS = {
    "get_recording": ["duration", "id", "mtg_session_id", "room_name"],
    "pad_track": ["padded_url", "size", "track_index"],
    "mixdown_tracks": ["audio_key", "duration", "size"],
    "transcribe_track": ["track_index", "words"],
    "generate_dynamic_fork_tasks": ["inputs", "tasks"],
    "send_webhook": ["sent", "status_code"],
}


def test_there_are_fifteen_task_types() -> None:
    assert sorted(CONTRACTS.tasks) == sorted(SEED)
    assert len(CONTRACTS.tasks) == 15


@pytest.mark.parametrize("name", SEED)
def test_time_limits_and_retries_are_the_seeds(name: str) -> None:
    definition = CONTRACTS.tasks[name].task_definition()

    assert (
        definition["timeoutSeconds"],
        definition["responseTimeoutSeconds"],
        definition["retryCount"],
    ) == SEED[name]
    assert CONTRACTS.tasks[name].retry_count == SEED[name][2]


@pytest.mark.parametrize("name", SEED)
def test_a_definition_says_all_that_conductor_asks_for(name: str) -> None:
    definition = CONTRACTS.tasks[name].task_definition()

    assert definition["name"] == name
    assert definition["ownerEmail"] == "reflector@example.com"
    assert definition["description"]
    assert definition["inputKeys"]
    assert definition["outputKeys"]
    assert definition["timeoutPolicy"] == "RETRY"
    assert definition["retryDelaySeconds"] >= 1


@pytest.mark.parametrize("name", OUTPUT_KEYS)
def test_output_keys_are_listed_also_where_the_shape_is_shared(name: str) -> None:
    assert CONTRACTS.tasks[name].task_definition()["outputKeys"] == OUTPUT_KEYS[name]


def test_webhook_retries_keep_a_steady_pace_and_the_others_back_off() -> None:
    logic = {name: task.task_definition()["retryLogic"] for name, task in CONTRACTS.tasks.items()}

    assert {name for name, kind in logic.items() if kind != "EXPONENTIAL_BACKOFF"} == {
        "send_webhook"
    }


def test_definitions_come_by_name() -> None:
    names = [definition["name"] for definition in CONTRACTS.task_definitions()]

    assert names == sorted(SEED)


def test_the_steps_come_in_the_order_of_the_pipeline() -> None:
    assert [(step.reference, step.task_type) for step in CONTRACTS.steps] == STEPS
    assert [step.index for step in CONTRACTS.steps] == list(range(1, len(STEPS) + 1))


def test_only_telling_others_is_optional() -> None:
    optional = [step.reference for step in CONTRACTS.steps if step.optional]

    assert optional == ["post_zulip", "send_webhook"]


def test_only_the_forks_are_dynamic() -> None:
    dynamic = [step.reference for step in CONTRACTS.steps if step.dynamic]

    assert dynamic == ["fork_track_padding", "fork_track_transcription"]


@pytest.mark.parametrize("side", ["input", "output"])
@pytest.mark.parametrize("name", SEED)
def test_each_schema_is_valid_and_stands_alone(name: str, side: str) -> None:
    schema = getattr(CONTRACTS.tasks[name], side)

    jsonschema.Draft202012Validator.check_schema(schema)
    assert "shapes.yaml" not in str(schema)
    assert field_names(schema)


def test_every_task_of_the_workflow_gets_what_its_contract_requires() -> None:
    def simple(tasks: list[dict[str, object]]) -> list[dict[str, object]]:
        result = [task for task in tasks if task["type"] == "SIMPLE"]
        for task in tasks:
            for branch in task.get("forkTasks", []):  # type: ignore[attr-defined]
                result += simple(branch)
        return result

    for task in simple(CONTRACTS.workflow["tasks"]):
        given = task["inputParameters"]
        assert isinstance(given, dict)
        contract = CONTRACTS.tasks[str(task["name"])]
        assert set(contract.input["required"]) <= given.keys() <= set(field_names(contract.input))


def test_contracts_are_read_once() -> None:
    assert load_contracts() is CONTRACTS
