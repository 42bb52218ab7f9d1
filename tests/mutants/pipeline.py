"""Mutants of the pipeline: of the workflow, its progress events, and the interplay of tasks.

Several of them pass the clauses of every single task; only whole meetings detect them.
"""

from __future__ import annotations

import base64
import os
import sys
import uuid
from collections.abc import Callable
from typing import Any

from reference_workers.workers import Worker
from tests.mutants.model import Collection
from tests.mutants.patches import (
    around,
    change_definitions,
    change_event,
    change_input,
    change_output,
    change_workflow,
    replace,
    rewrite,
    task_of,
)

PROGRESS = "PIPELINE_PROGRESS"

mutant = Collection("pipeline")


@mutant("valid")
def one_definition_forgotten() -> None:
    """The definition of generate_title is not registered."""
    change_definitions(lambda all_: [one for one in all_ if one["name"] != "generate_title"])


@mutant("valid")
def a_name_misspelt() -> None:
    """The workflow contains a task type without a definition."""
    change_workflow(lambda flow: task_of(flow, "finalize").update(name="finalise"))


@mutant("wiring")
def output_that_is_not() -> None:
    """The input of generate_waveform refers to a missing output of mixdown_tracks."""
    change_workflow(
        lambda flow: task_of(flow, "generate_waveform")["inputParameters"].update(
            audio_key="${mixdown_tracks.output.key}"
        )
    )


@mutant("wiring")
def words_instead_of_topics() -> None:
    """The input of generate_title has words instead of topics."""
    change_workflow(
        lambda flow: task_of(flow, "generate_title")["inputParameters"].update(
            topics="${merge_transcripts.output.all_words}"
        )
    )


def _ten_at_most(out: dict[str, Any]) -> None:
    out["tasks"] = out["tasks"][:10]
    kept = {task["taskReferenceName"] for task in out["tasks"]}
    out["inputs"] = {name: own for name, own in out["inputs"].items() if name in kept}


@mutant("forks")
def ten_branches_at_most() -> None:
    """A fork has at most ten branches."""
    change_output("generate_dynamic_fork_tasks", _ten_at_most)


@mutant("forks")
def first_track_alone() -> None:
    """Each fork has one branch, however many tracks there are."""
    change_input(
        "generate_dynamic_fork_tasks", lambda given: given.update(tracks=given["tracks"][:1])
    )


@mutant("joins")
def sorted_by_name() -> None:
    """The JOIN's map is indexed in order of names, with track 10 before track 2."""
    rewrite(
        "workers.generate_dynamic_fork_tasks",
        "_transcription_inputs",
        '{padded["track_index"]: padded for padded in (padded_tracks or {}).values()}',
        "dict(enumerate(padded for _, padded in sorted((padded_tracks or {}).items())))",
    )


@mutant("joins")
def words_remembered_by_track_alone() -> None:
    """Transcriptions are cached by track_index only, across meetings."""
    words: dict[int, dict[str, Any]] = {}

    def make(work: Worker) -> Worker:
        def remembered(context: Any, **inputs: Any) -> dict[str, Any]:
            output = work(context, **inputs)
            return words.setdefault(inputs["track_index"], output)

        return remembered

    around("transcribe_track", make)


@mutant("completes")
def the_meeting_at_hand() -> None:
    """The title is stored in the transcript that get_participants saw last."""
    at_hand: dict[str, str] = {}

    def noting(given: dict[str, Any]) -> None:
        at_hand["transcript"] = given["transcript_id"]

    change_input("get_participants", noting)
    change_input(
        "generate_title",
        lambda given: given.update(transcript_id=_last(at_hand, given["transcript_id"])),
    )


def _last(at_hand: dict[str, str], own: str) -> str:
    return at_hand.get("transcript", own)


@mutant("order")
def summary_after_the_title() -> None:
    """Title and summary are generated one after the other."""

    def chained(flow: dict[str, Any]) -> None:
        fork = task_of(flow, "fork_title_summary")
        fork["forkTasks"] = [[task for branch in fork["forkTasks"] for task in branch]]
        task_of(flow, "join_title_summary")["joinOn"] = ["generate_summary"]

    change_workflow(chained)


@mutant("order")
def told_before_it_is_final() -> None:
    """post_zulip runs before finalize."""

    def swapped(flow: dict[str, Any]) -> None:
        tasks = flow["tasks"]
        told = task_of(flow, "post_zulip")
        tasks.remove(told)
        tasks.insert(tasks.index(task_of(flow, "finalize")), told)

    change_workflow(swapped)


@mutant("completes")
def output_without_title() -> None:
    """The output of the workflow lacks the title."""
    change_workflow(lambda flow: flow["outputParameters"].pop("title"))


@mutant("completes")
def deliveries_are_needed() -> None:
    """post_zulip and send_webhook are not optional, so their failure fails the workflow."""

    def needed(flow: dict[str, Any]) -> None:
        for reference in ("post_zulip", "send_webhook"):
            task_of(flow, reference)["optional"] = False

    change_workflow(needed)


@mutant("optional")
def a_required_step_is_optional() -> None:
    """The waveform is optional, so that a meeting completes without one."""
    change_workflow(lambda flow: task_of(flow, "generate_waveform").update(optional=True))


def _around_mixdown(leave: Callable[[Any, str], object]) -> None:
    def make(work: Worker) -> Worker:
        def leaving(context: Any, **inputs: Any) -> dict[str, Any]:
            output = work(context, **inputs)
            leave(context.clients.storage, inputs["transcript_id"])
            return output

        return leaving

    around("mixdown_tracks", make)


@mutant("temporary-objects")
def intermediate_mix_is_left() -> None:
    """The intermediate WAV of the mixdown stays in S3."""
    _around_mixdown(
        lambda storage, transcript: storage._client.put_object(
            Bucket=storage.bucket, Key=f"tmp/{transcript}.wav", Body=b"RIFF"
        )
    )


@mutant("temporary-objects")
def upload_is_left_unfinished() -> None:
    """A multipart upload is begun and never ended."""
    _around_mixdown(
        lambda storage, transcript: storage._client.create_multipart_upload(
            Bucket=storage.bucket, Key=f"{transcript}/audio.mp3"
        )
    )


@mutant("completes")
def webhook_is_never_sent() -> None:
    """send_webhook reports a refusal without sending anything."""
    around("send_webhook", lambda _: lambda context, **inputs: {"sent": False, "status_code": 404})


@mutant("starts")
def registered_under_another_name() -> None:
    """The workflow is registered under another name."""
    change_workflow(lambda flow: flow.update(name="diarization"))


@mutant("starts")
def registered_as_another_version() -> None:
    """The workflow is registered only as version 2."""
    change_workflow(lambda flow: flow.update(version=2))


@mutant("registered")
def everything_is_retried_3_times() -> None:
    """All tasks have three retries, including post_zulip and send_webhook."""
    change_definitions(lambda all_: [{**one, "retryCount": 3} for one in all_])


@mutant("registered")
def every_registration_differs() -> None:
    """Every registration changes the definitions."""
    change_definitions(
        lambda all_: [{**one, "description": f"as of {uuid.uuid4()}"} for one in all_]
    )


@mutant("progress-schema")
def steps_counted_from_0() -> None:
    """step_index counts from 0."""
    change_event(PROGRESS, lambda data: {**data, "step_index": data["step_index"] - 1})


@mutant("progress-schema")
def workflow_unnamed() -> None:
    """PIPELINE_PROGRESS lacks workflow_id."""
    change_event(PROGRESS, lambda data: {k: v for k, v in data.items() if k != "workflow_id"})


@mutant("progress-schema")
def own_word_for_running() -> None:
    """PIPELINE_PROGRESS has the step_status `running`."""
    change_event(
        PROGRESS,
        lambda data: {**data, "step_status": data["step_status"].replace("in_progress", "running")},
    )


@mutant("progress-start")
def start_untold() -> None:
    """PIPELINE_PROGRESS is not emitted for starts."""
    change_event(PROGRESS, lambda data: None if data["step_status"] == "in_progress" else data)


@mutant("progress-start")
def a_fork_is_told_once() -> None:
    """PIPELINE_PROGRESS is emitted only for the start of a fork's first branch."""
    change_event(
        PROGRESS,
        lambda data: (
            None
            if data["step_status"] == "in_progress" and data.get("branch", "_0")[-2:] != "_0"
            else data
        ),
    )


@mutant("progress-end")
def end_untold() -> None:
    """PIPELINE_PROGRESS is not emitted for ends."""
    change_event(PROGRESS, lambda data: None if data["step_status"] == "completed" else data)


@mutant("progress-end")
def failure_untold() -> None:
    """PIPELINE_PROGRESS is not emitted for failures."""
    change_event(PROGRESS, lambda data: None if data["step_status"] == "failed" else data)


@mutant("status-error")
def never_in_error() -> None:
    """The transcript of a failed workflow keeps the status processing."""
    # Without the patch, the reconciler would correct the status.
    replace("platform.reconciler:Reconciler", "_run", lambda _: lambda self: None)
    rewrite(
        "platform.progress", "report_progress", "if is_final and not step.optional:", "if False:"
    )


@mutant("status-error")
def error_untold() -> None:
    """STATUS is never emitted with error."""
    change_event("STATUS", lambda data: None if data["value"] == "error" else data)


@mutant("workflow-id")
def recording_knows_no_workflow() -> None:
    """The workflow id of a recording is not stored."""
    replace(
        "platform.state.unit_of_work:UnitOfWork",
        "assign_workflow",
        lambda _: lambda *args, **more: None,
    )


@mutant("workflow-id")
def task_instead_of_workflow() -> None:
    """The recording stores another id instead of its workflow id."""

    def make(belongs: Any) -> Any:
        return lambda self, workflow_id, **more: belongs(self, workflow_id[::-1], **more)

    replace("platform.state.unit_of_work:UnitOfWork", "assign_workflow", make)


def _printed(out: dict[str, Any]) -> None:
    sys.stdout.write(f"padded: {out['padded_url']}\n")
    sys.stdout.flush()


@mutant("secrets")
def signed_urls_are_logged() -> None:
    """Presigned URLs are logged unredacted."""
    change_output("pad_track", _printed)


@mutant("secrets")
def key_in_an_event() -> None:
    """PIPELINE_PROGRESS contains a key."""
    change_event(PROGRESS, lambda data: {**data, "key": os.environ["LLM_API_KEY"]})


@mutant("secrets")
def key_in_base64_in_an_event() -> None:
    """PIPELINE_PROGRESS contains the credentials of a request, in base64."""
    change_event(
        PROGRESS,
        lambda data: {
            **data,
            "authorization": base64.b64encode(f"bot:{os.environ['LLM_API_KEY']}".encode()).decode(),
        },
    )


@mutant("audio")
def first_waveform_for_all() -> None:
    """Every meeting gets the waveform of the first."""

    def make(work: Worker) -> Worker:
        first: list[dict[str, Any]] = []

        def remembered(context: Any, **inputs: Any) -> dict[str, Any]:
            first.append(work(context, **inputs))
            return first[0]

        return remembered

    around("generate_waveform", make)


@mutant("temporary-objects")
def mixdown_stored_twice() -> None:
    """A second copy of the mixdown stays in the bucket."""

    def make(put: Any) -> Any:
        def twice(self: Any, key: str, path: Any, **more: Any) -> Any:
            if key.endswith(".mp3"):
                put(self, f"{key}.tmp", path, **more)
            return put(self, key, path, **more)

        return twice

    replace("services.storage:Storage", "put_file", make)


@mutant("llm")
def only_the_first_twenty_words() -> None:
    """Topics are detected in the first twenty words."""
    change_input("detect_topics", lambda given: given.update(words=given["words"][:20]))


@mutant("deliveries")
def participants_not_delivered() -> None:
    """The webhook has no participants."""

    def make(payload: Any) -> Any:
        def bare(*args: Any) -> dict[str, Any]:
            sent: dict[str, Any] = payload(*args)
            sent["transcript"]["participants"] = []
            return sent

        return bare

    replace("workers.send_webhook", "_payload", make)


@mutant("services")
def calendar_event_is_null() -> None:
    """The webhook's body has null where its document has an object."""

    def make(payload: Any) -> Any:
        return lambda *args: {**payload(*args), "calendar_event": None}

    replace("workers.send_webhook", "_payload", make)


@mutant("storage")
def urls_for_an_hour() -> None:
    """Presigned URLs are valid for one hour."""
    replace("services.storage", "PRESIGN_SECONDS", lambda _: 3600)
