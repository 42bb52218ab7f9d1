from __future__ import annotations

from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from trackproof.contracts.load import field_names, load_contracts

CONTRACTS = load_contracts()

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


def test_task_definitions(snapshot: SnapshotAssertion) -> None:
    definitions = [
        {
            key: value
            for key, value in definition.items()
            if key not in {"inputSchema", "outputSchema"}
        }
        for definition in CONTRACTS.task_definitions()
    ]

    assert definitions == snapshot.use_extension(JSONSnapshotExtension)


def test_the_steps_are_in_pipeline_order() -> None:
    assert [(step.reference, step.task_type) for step in CONTRACTS.steps] == STEPS
    assert [step.index for step in CONTRACTS.steps] == list(range(1, len(STEPS) + 1))


def test_only_the_notifications_are_optional_and_only_the_forks_dynamic() -> None:
    optional = [step.reference for step in CONTRACTS.steps if step.optional]
    dynamic = [step.reference for step in CONTRACTS.steps if step.dynamic]

    assert optional == ["post_zulip", "send_webhook"]
    assert dynamic == ["fork_track_padding", "fork_track_transcription"]


def test_schemas_are_self_contained() -> None:
    for task in CONTRACTS.tasks.values():
        for schema in (task.input, task.output):
            assert "shapes.yaml" not in str(schema)
            assert field_names(schema)


def test_contracts_are_loaded_once() -> None:
    assert load_contracts() is CONTRACTS
