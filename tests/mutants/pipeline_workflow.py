"""Mutants of the registered workflow and of the branches of its dynamic forks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.mutants.model import Collection
from tests.mutants.patches import change_output, change_workflow, task_of

FORKS = "generate_dynamic_fork_tasks"

mutant = Collection("pipeline")


def _inputs_of(reference: str, **inputs: str) -> None:
    """Replace inputs of a step."""
    change_workflow(lambda flow: task_of(flow, reference)["inputParameters"].update(inputs))


@mutant("workflow")
def meetings_never_time_out() -> None:
    """A stuck workflow runs for ever."""
    change_workflow(lambda flow: flow.update(timeoutSeconds=0))


@mutant("workflow")
def time_out_is_only_an_alert() -> None:
    """A workflow beyond its time-out goes on."""
    change_workflow(lambda flow: flow.update(timeoutPolicy="ALERT_ONLY"))


@mutant("workflow")
def meetings_cannot_be_repeated() -> None:
    """A failed workflow cannot be restarted."""
    change_workflow(lambda flow: flow.update(restartable=False))


@mutant("workflow")
def german_by_default() -> None:
    """The input template has another source language."""
    change_workflow(lambda flow: flow["inputTemplate"].update(source_language="de"))


@mutant("workflow")
def template_without_target() -> None:
    """The input template lacks the target language."""
    change_workflow(lambda flow: flow["inputTemplate"].pop("target_language"))


@mutant("workflow")
def target_language_is_spoken() -> None:
    """Tracks are transcribed in the target language."""
    _inputs_of("generate_transcription_tasks", language="${workflow.input.target_language}")


@mutant("workflow")
def topics_in_the_source_language() -> None:
    """Topics are detected in the source language."""
    _inputs_of("detect_topics", target_language="${workflow.input.source_language}")


@mutant("workflow")
def short_summary_as_the_long_one() -> None:
    """Finalize gets the short summary twice."""
    _inputs_of("finalize", summary="${generate_summary.output.short_summary}")


@mutant("workflow")
def duration_of_the_recording() -> None:
    """Finalize gets Daily's duration of the recording."""
    _inputs_of("finalize", duration="${get_recording.output.duration}")


@mutant("workflow")
def finalize_before_the_summary() -> None:
    """The JOIN of title and summary waits for the title alone."""
    change_workflow(
        lambda flow: task_of(flow, "join_title_summary").update(joinOn=["generate_title"])
    )


@mutant("completes", "workflow")
def output_without_word_count() -> None:
    """The output of the workflow lacks word_count."""
    change_workflow(lambda flow: flow["outputParameters"].pop("word_count"))


@mutant("completes", "workflow")
def output_without_audio_deleted() -> None:
    """The output of the workflow lacks audio_deleted."""
    change_workflow(lambda flow: flow["outputParameters"].pop("audio_deleted"))


@mutant("completes", "workflow")
def short_summary_as_output_summary() -> None:
    """The output's summary is the short one."""
    change_workflow(
        lambda flow: flow["outputParameters"].update(
            summary="${generate_summary.output.short_summary}"
        )
    )


def _each_branch(task_type: str, change: Callable[[int, dict[str, Any]], Any]) -> None:
    """Change the inputs of each branch of a fork."""

    def changed(out: dict[str, Any]) -> None:
        for index, task in enumerate(out["tasks"]):
            if task["name"] == task_type:
                change(index, out["inputs"][task["taskReferenceName"]])

    change_output(FORKS, changed)


@mutant("fork-inputs")
def english_branches() -> None:
    """Every branch is transcribed in English."""
    _each_branch("transcribe_track", lambda _, given: given.update(language="en"))


@mutant("fork-inputs")
def branches_without_transcript() -> None:
    """A transcription's branch has no transcript_id."""
    _each_branch("transcribe_track", lambda _, given: given.pop("transcript_id"))


@mutant("fork-inputs")
def language_left_out() -> None:
    """A transcription's branch has no language, so that the default holds."""
    _each_branch("transcribe_track", lambda _, given: given.pop("language"))


@mutant("fork-inputs")
def branch_with_all_keys() -> None:
    """A padding's branch has fields of its own beside the contract's."""
    _each_branch("pad_track", lambda index, given: given.update(position=index))


def _each_task(change: Callable[[int, dict[str, Any]], Any]) -> None:
    """Change the tasks of each fork."""

    def changed(out: dict[str, Any]) -> None:
        for index, task in enumerate(out["tasks"]):
            change(index, task)

    change_output(FORKS, changed)


@mutant("fork-inputs")
def optional_branches() -> None:
    """A branch is optional, so that a failed track is left out of the meeting."""
    _each_task(lambda _, task: task.update(optional=True))


@mutant("fork-inputs")
def last_branch_is_optional() -> None:
    """The last branch of a fork of several is optional."""
    _each_task(lambda index, task: task.update(optional=index > 0))
