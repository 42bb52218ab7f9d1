"""Each kind of change: the edit, its verdict and its example (None: any)."""

from __future__ import annotations

from typing import Any

from tests.unit.trackproof.contracts.compat.edited_contracts import Document, Edit, document

BREAKING, CONSUMERS, COMPATIBLE = "breaking", "consumers only", "compatible"
MISSING = object()


def put(*path: Any, value: Any) -> Edit:
    """Return an edit that sets the value at a path."""

    def edit(whole: Document) -> None:
        node: Any = whole
        for part in path[:-1]:
            node = node[part]
        node[path[-1]] = value

    return edit


def drop(*path: Any) -> Edit:
    def edit(whole: Document) -> None:
        node: Any = whole
        for part in path[:-1]:
            node = node[part]
        del node[path[-1]]

    return edit


def task(name: str, *path: Any, value: Any = MISSING) -> Edit:
    whole = ("tasks", name, *path)
    return drop(*whole) if value is MISSING else put(*whole, value=value)


def step(index: int, *path: Any, value: Any) -> Edit:
    return put("workflow", "tasks", index, *path, value=value)


def service(*path: Any, value: Any) -> Edit:
    return put("services", "sample", *path, value=value)


def field(name: str, side: str, field_name: str, value: Any, *, required: bool = False) -> Edit:
    def edit(whole: Document) -> None:
        schema = whole["tasks"][name][side]
        schema["properties"][field_name] = value
        schema["required"] += [field_name] * required

    return edit


def without(name: str, side: str, field_name: str) -> Edit:
    def edit(whole: Document) -> None:
        schema = whole["tasks"][name][side]
        del schema["properties"][field_name]
        schema["required"] = [other for other in schema["required"] if other != field_name]

    return edit


def swap_steps(whole: Document) -> None:
    tasks = whole["workflow"]["tasks"]
    tasks[-1], tasks[-2] = tasks[-2], tasks[-1]


def make_terminal(whole: Document) -> None:
    errors = whole["tasks"]["finalize"]["errors"]
    errors["terminal"].append(errors["retryable"].pop())


def make_retryable(whole: Document) -> None:
    errors = whole["tasks"]["finalize"]["errors"]
    errors["retryable"].append(errors["terminal"].pop())


DURATION = {"type": "number", "minimum": 0, "description": "Seconds."}
ANY_TEXT = {"type": "string"}
KEY = ("effects", "s3", 0, "key")

CASES: dict[str, tuple[Edit, str, str | None]] = {
    # tasks
    "task added": (
        lambda whole: whole["tasks"].update(new=whole["tasks"]["finalize"]), CONSUMERS, "new"
    ),
    "task removed": (task("finalize"), BREAKING, "finalize"),
    "summary": (task("finalize", "summary", value="Other."), COMPATIBLE, None),
    # input: consumers send, fleets receive
    "input field added, optional": (
        field("finalize", "input", "x", ANY_TEXT), COMPATIBLE, None
    ),
    "input field added, required": (
        field("get_recording", "input", "x", ANY_TEXT, required=True),
        BREAKING, '{"recording_id": "a"}',
    ),
    "input field removed, required": (
        without("get_recording", "input", "recording_id"), CONSUMERS, "{}"
    ),
    "input field removed, optional": (
        without("detect_topics", "input", "target_language"), COMPATIBLE, None
    ),
    "input field made required": (
        task("get_participants", "input", "required", value=["mtg_session_id", "transcript_id"]),
        BREAKING, '{"mtg_session_id": "a"}',
    ),
    "input field made optional": (
        task("get_recording", "input", "required", value=[]), CONSUMERS, "{}"
    ),
    "input narrowed": (
        task("get_recording", "input", "properties", "recording_id", "minLength", value=8),
        BREAKING, '"a"',
    ),
    "input widened": (
        task("get_recording", "input", "properties", "recording_id", "type",
             value=["string", "null"]),
        CONSUMERS, "null",
    ),
    "input range of a shared shape narrowed": (
        task("pad_track", "input", "$defs", "track_index", "maximum", value=31), BREAKING, "63"
    ),
    "input pattern narrowed": (
        task("detect_topics", "input", "$defs", "language", "pattern", value="^[a-z]{2}$"),
        BREAKING, '"de-CH"',
    ),
    "input default changed": (
        task("detect_topics", "input", "properties", "target_language", "default", value="de"),
        BREAKING, "the field is missing",
    ),
    # output: fleets send, consumers receive
    "output field added, optional": (
        field("finalize", "output", "x", ANY_TEXT), COMPATIBLE, None
    ),
    "output field added, required": (
        field("finalize", "output", "x", ANY_TEXT, required=True),
        CONSUMERS, '{"status": "COMPLETED"}',
    ),
    "output field removed, required": (
        without("cleanup_consent", "output", "reason"), BREAKING, '{"audio_deleted": false}'
    ),
    "output field made optional": (
        task("finalize", "output", "required", value=[]), BREAKING, "{}"
    ),
    "output narrowed": (
        task("cleanup_consent", "output", "properties", "reason", "type", value="string"),
        CONSUMERS, "null",
    ),
    "output widened": (
        task("finalize", "output", "properties", "status", value={"enum": ["COMPLETED", "OK"]}),
        BREAKING, '"OK"',
    ),
    "output number of items changed": (
        task("generate_waveform", "output", "properties", "waveform", "maxItems", value=256),
        BREAKING, None,
    ),
    "output in another unit": (
        task("get_recording", "output", "properties", "duration", "description",
             value="Milliseconds, as reported by Daily."),
        BREAKING, "removed: Seconds; added: Milliseconds",
    ),
    "output description reworded": (
        task("get_recording", "output", "properties", "duration", "description",
             value="Seconds, as measured by Daily."),
        COMPATIBLE, None,
    ),
    # definition
    "time-out lowered": (
        task("pad_track", "definition", "timeoutSeconds", value=200), CONSUMERS, "a run of 250 s"
    ),
    "time-out raised": (
        task("pad_track", "definition", "timeoutSeconds", value=400), COMPATIBLE, None
    ),
    "response time-out lowered": (
        task("pad_track", "definition", "responseTimeoutSeconds", value=100),
        CONSUMERS, "a run of 110 s",
    ),
    "retries lowered": (
        task("pad_track", "definition", "retryCount", value=2), BREAKING, "3 failures in a row"
    ),
    "retries raised": (task("pad_track", "definition", "retryCount", value=9), COMPATIBLE, None),
    "retries no longer back off": (
        task("pad_track", "definition", "retryLogic", value="FIXED"), BREAKING, "a longer outage"
    ),
    "time-out policy": (
        task("pad_track", "definition", "timeoutPolicy", value="ALERT_ONLY"), BREAKING, None
    ),
    "owner": (task("pad_track", "definition", "ownerEmail", value="a@b.c"), COMPATIBLE, None),
    # clauses
    "clause removed": (
        task("finalize", "clauses", "finalize.event"), BREAKING,
        "STATUS is broadcast with ended, once the result is stored.",
    ),
    "clause added": (
        task("finalize", "clauses", "finalize.new",
             value={"text": "It is quick.", "seed": "TASK-012", "severity": "must"}),
        CONSUMERS, "It is quick.",
    ),
    "a should added": (
        task("finalize", "clauses", "finalize.new",
             value={"text": "It is quick.", "seed": "TASK-012", "severity": "should"}),
        COMPATIBLE, "It is quick.",
    ),
    "must became should": (
        task("finalize", "clauses", "finalize.event", "severity", value="should"), BREAKING,
        "STATUS is broadcast with ended, once the result is stored.",
    ),
    "should became must": (
        put("pipeline_clauses", "pipeline.workflow-id", "severity", value="must"), CONSUMERS,
        "A recording stores its workflow id and can be looked up by it.",
    ),
    "clause of a part of the product added": (
        put("parts", "switch", "clauses", "switch.new",
            value={"text": "It is quick.", "seed": "CUTOVER-001", "severity": "must"}),
        CONSUMERS, "It is quick.",
    ),
    "constant of a part of the product changed": (
        put("parts", "trigger", "constants", "timestamp_tolerance_seconds", value=600),
        CONSUMERS, None,
    ),
    "note of a part of the product changed": (
        put("parts", "trigger", "notes", value=["Another note."]), COMPATIBLE, None,
    ),
    "clause with another number": (
        task("detect_topics", "clauses", "detect_topics.chunks", "text",
             value="The words are split into groups of 500 in order; none is lost at a boundary."),
        BREAKING, "removed: 300; added: 500",
    ),
    "clause negated": (
        task("finalize", "clauses", "finalize.status", "text",
             value="The transcript's status is not ended."),
        BREAKING, "added: not",
    ),
    "clause reworded": (
        task("finalize", "clauses", "finalize.status", "text",
             value="The status of the transcript is ended."),
        CONSUMERS, "an implementation that read the old wording differently",
    ),
    # effects
    "event of a task removed": (
        task("finalize", "effects", "events", value=[]), BREAKING, "STATUS"
    ),
    "event of a task added": (
        task("finalize", "effects", "events", value=["STATUS", "TITLE"]), CONSUMERS, "TITLE"
    ),
    "column removed": (
        task("cleanup_consent", "effects", "database", value=[]), BREAKING,
        "transcripts.audio_deleted",
    ),
    "object under another key": (
        task("mixdown_tracks", *KEY, value="mix.mp3"), BREAKING, None
    ),
    "URL lifetime lowered": (
        task("pad_track", "effects", "presign_seconds", value=3600), BREAKING,
        "a URL opened after 5400 s",
    ),
    "URL lifetime raised": (
        task("pad_track", "effects", "presign_seconds", value=9000), CONSUMERS,
        "a URL signed for 7200 s",
    ),
    "lifetime of a temporary object changed": (
        task("pad_track", "effects", "s3", 0, "stays", value="an hour"), BREAKING,
        "it stayed as long as the mixdown; cleanup_consent deletes both",
    ),
    "lifetime of an object stated": (
        task("mixdown_tracks", "effects", "s3", 0, "stays", value="for ever"), CONSUMERS,
        "for ever",
    ),
    "outside call with another count": (
        task("get_recording", "effects", "calls", 0, "count", value="2"), BREAKING, '"2"'
    ),
    "outside call added": (
        task("finalize", "effects", "calls",
             value=[{"service": "llm", "operation": "createChatCompletion", "count": "1"}]),
        CONSUMERS, "the call llm createChatCompletion",
    ),
    "outside call removed": (
        task("get_recording", "effects", "calls", value=[]), BREAKING,
        "the call daily getRecording",
    ),
    "constant changed": (
        task("detect_topics", "constants", "words_per_call", value=500), BREAKING, None
    ),
    # errors, idempotency
    "error became terminal": (make_terminal, BREAKING, "the database does not answer"),
    "error became retryable": (make_retryable, CONSUMERS, "no such transcript"),
    "error removed": (
        task("finalize", "errors", "retryable", value=[]), BREAKING, "the database does not answer"
    ),
    "error added": (
        task("generate_dynamic_fork_tasks", "errors", "retryable", value=["a full moon"]),
        CONSUMERS, "a full moon",
    ),
    "cache key changed": (
        task("detect_topics", "idempotency", "cache_key", value=["words"]), CONSUMERS,
        "a response cached under the old key",
    ),
    "cache key removed": (
        task("detect_topics", "idempotency", "cache_key", value=None), BREAKING, "a repeated run"
    ),
    "idempotency rule reworded": (
        task("finalize", "idempotency", "rule", value="Twice has just the same effect as once."),
        CONSUMERS, "an implementation that read the old wording differently",
    ),
    # workflow
    "workflow input made required": (
        put("workflow_input", "required", value=[
            *document()["workflow_input"]["required"], "source_language"
        ]),
        BREAKING, None,
    ),
    "source of a step's input changed": (
        step(0, "inputParameters", "recording_id", value="${workflow.input.room_id}"),
        COMPATIBLE, None,
    ),
    "step removed": (drop("workflow", "tasks", -1), BREAKING, "send_webhook"),
    "step became optional": (
        step(0, "optional", value=True), BREAKING, "a run in which it failed"
    ),
    "steps reordered": (swap_steps, BREAKING, "post_zulip"),
    "joinOn changed": (step(13, "joinOn", value=["generate_title"]), BREAKING, None),
    "workflow time-out lowered": (
        put("workflow", "timeoutSeconds", value=14400), CONSUMERS, "a run of 21600 s"
    ),
    "workflow output removed": (
        drop("workflow", "outputParameters", "title"), BREAKING, "title"
    ),
    "workflow output added": (
        put("workflow", "outputParameters", "x", value="${finalize.output.status}"),
        COMPATIBLE, None,
    ),
    "workflow version": (put("workflow", "version", value=2), COMPATIBLE, None),
    "source of branch inputs changed": (
        put("fork_inputs", "inputs", "pad_track", "s3_key", value="index"), CONSUMERS,
        "a branch input generated in the old way",
    ),
    # texts that explain
    "note changed": (task("finalize", "notes", value=["Another answer."]), COMPATIBLE, None),
    "note removed": (task("finalize", "notes", value=None), COMPATIBLE, None),
    "note for every task changed": (put("notes", value=["Another answer."]), COMPATIBLE, None),
    "$schema line removed": (drop("workflow_input", "$schema"), COMPATIBLE, None),
    # rows
    "row's column made optional": (
        put("meeting_rows", "$defs", "room", "required", value=["id", "name"]), CONSUMERS, None
    ),
    "row's column added": (
        put("meeting_rows", "$defs", "room", "properties", "x", value={"type": "string"}),
        COMPATIBLE, None,
    ),
    "rows removed": (drop("meeting_rows"), BREAKING, None),
    # events
    "event removed": (drop("events", "SAMPLE"), BREAKING, "SAMPLE"),
    "event added": (put("events", "OTHER", value={"type": "object"}), CONSUMERS, "OTHER"),
    "event's values widened": (
        put("events", "SAMPLE", "properties", "value", "enum",
            value=["processing", "ended", "error"]),
        BREAKING, '"error"',
    ),
    "event's values narrowed": (
        put("events", "SAMPLE", "properties", "value", "enum", value=["ended"]),
        CONSUMERS, '"processing"',
    ),
    # outside services: fleets send requests, services answer
    "response field made optional": (
        service("components", "schemas", "Thing", "required", value=[]), CONSUMERS, "{}"
    ),
    "response field made required": (
        service("components", "schemas", "Thing", "required", value=["id", "size"]),
        BREAKING, '{"id": "a"}',
    ),
    "request values narrowed": (
        service("components", "schemas", "Order", "properties", "count", "maximum", value=5),
        CONSUMERS, "9",
    ),
    "request values widened": (
        service("components", "schemas", "Order", "properties", "count", "maximum", value=99),
        BREAKING, "99",
    ),
    "operation removed": (
        lambda whole: whole["services"]["sample"]["paths"]["/things/{id}"].pop("get"),
        BREAKING, "/things/{id}",
    ),
    "service description changed": (service("info", "title", value="Other"), COMPATIBLE, None),
    "service authentication changed": (service("security", value=[{"key": []}]), BREAKING, None),
    # changes without a rule
    "unknown part": (task("finalize", "colour", value="red"), BREAKING, None),
    "unknown section": (put("moods", value={"good": 1}), BREAKING, None),
}  # fmt: skip
