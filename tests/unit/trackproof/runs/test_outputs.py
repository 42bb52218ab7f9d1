"""A field that the workflow's output lacks is read where the profile says."""

from __future__ import annotations

from typing import Any

from trackproof.runs.outputs import completed_output

SOURCES = {
    "title": "transcript.title",
    "all_words": "merge_transcripts.all_words",
    "duration": "transcript.duration",
    "topics": "detect_topics.topics",
}


def task(status: str, **output: Any) -> dict[str, Any]:
    return {"referenceTaskName": "merge_transcripts", "status": status, "outputData": output}


def test_missing_fields_come_from_the_row_and_the_steps() -> None:
    run = {
        "output": {"duration": None, "audio_key": "k"},
        "tasks": [task("COMPLETED", all_words=["old"]), task("COMPLETED", all_words=["new"])],
    }

    completed = completed_output(run, {"title": "Tides", "duration": 8.0}, SOURCES)

    # The output's own null stays, and a step that never ran adds nothing.
    assert completed["output"] == {
        "duration": None,
        "audio_key": "k",
        "title": "Tides",
        "all_words": ["new"],
    }
    assert run["output"] == {"duration": None, "audio_key": "k"}


def test_failed_attempt_is_no_source() -> None:
    run = {
        "output": None,
        "tasks": [task("COMPLETED", all_words=[1]), task("FAILED", all_words=[])],
    }

    assert completed_output(run, {}, SOURCES)["output"] == {"all_words": [1]}
    assert completed_output({"tasks": None}, {}, SOURCES)["output"] == {}
