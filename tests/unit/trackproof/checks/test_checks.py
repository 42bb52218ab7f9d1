"""Every check passes for a good run and fails, with a clear detail, for a faulty one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests.unit.trackproof.runs import recorded_runs
from tests.unit.trackproof.runs.recorded_runs import good_run, with_output, with_step, with_words
from trackproof.checks import CHECKS, judge, secrets
from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence, Mixdown
from trackproof.runs.progress import step_states
from trackproof.testbed.stand_ins.ledger import Request

IDS = {name for names in CHECKS.values() for name in names}

Change = Callable[[Evidence], Evidence]
Case = tuple[Change, set[str], str]
"""How to change a good run, the checks that then fail, and the detail of one of them."""


def verdict(evidence: Evidence) -> dict[str, Check]:
    checks = list(judge(evidence))
    assert len(checks) == len({check.id for check in checks})
    return {check.id: check for check in checks}


def failed(evidence: Evidence) -> set[str]:
    checks = verdict(evidence)
    assert checks.keys() == IDS
    return {name for name, check in checks.items() if not check.passed}


@pytest.mark.parametrize("denied", [(), (0,), (0, 1, 2)])
def test_every_check_passes_for_a_good_run(denied: tuple[int, ...]) -> None:
    assert failed(good_run(denied=denied)) == set()


def workflow_failed(evidence: Evidence) -> Evidence:
    return replace(evidence, workflow={**evidence.workflow, "status": "FAILED"})


def without_task(reference: str) -> Change:
    def change(evidence: Evidence) -> Evidence:
        tasks = [t for t in evidence.workflow["tasks"] if t["referenceTaskName"] != reference]
        return replace(evidence, workflow={**evidence.workflow, "tasks": tasks})

    return change


def not_optional(reference: str) -> Change:
    def change(evidence: Evidence) -> Evidence:
        tasks = [
            {**task, "workflowTask": {"optional": task["referenceTaskName"] != reference}}
            for task in evidence.workflow["tasks"]
        ]
        return replace(evidence, workflow={**evidence.workflow, "tasks": tasks})

    return change


def with_changed_step(name: str, **changes: Any) -> Change:
    return lambda evidence: with_step(evidence, name, **changes)


def branch_without_retry(evidence: Evidence) -> Evidence:
    branch = {
        "referenceTaskName": "branch",
        "taskDefName": "pad",
        "status": "FAILED",
        "retryCount": 0,
        "workflowTask": {"taskDefinition": {"retryCount": 3}},
    }
    join = {
        "referenceTaskName": "join",
        "taskDefName": "JOIN",
        "taskType": "JOIN",
        "status": "FAILED",
        "inputData": {"joinOn": ["branch"]},
    }
    tasks = [*evidence.workflow["tasks"], branch, join]
    return replace(evidence, workflow={**evidence.workflow, "status": "FAILED", "tasks": tasks})


STEPS: list[Case] = [
    (workflow_failed, {"steps.completed"}, "workflow FAILED: 16 steps"),
    (
        branch_without_retry,
        {"steps.completed"},
        "Conductor ended the run before it scheduled the next attempt of branch",
    ),
    (
        with_changed_step("mixdown_tracks", status="FAILED", reason="no disk left"),
        {"steps.completed"},
        "mixdown_tracks is FAILED (no disk left)",
    ),
    (with_changed_step("finalize", status="PENDING"), {"steps.completed"}, "finalize is PENDING"),
    (
        with_changed_step("generate_waveform", seconds=1.5),
        {"steps.order"},
        "generate_transcription_tasks started before generate_waveform ended",
    ),
    (
        with_changed_step("get_recording", started_at=None),
        {"steps.order"},
        "get_participants started before get_recording ended",
    ),
    (
        with_changed_step("generate_title", seconds=2.5),
        {"steps.order"},
        "finalize started before generate_title ended",
    ),
    (
        with_changed_step("detect_topics", seconds=2.5),
        {"steps.order", "llm.topic_calls"},
        "generate_summary started before detect_topics ended",
    ),
    (with_changed_step("pad_track", branches=2), {"steps.forks"}, "pad_track × 2"),
    (with_changed_step("transcribe_track", branches=4), {"steps.forks"}, "transcribe_track × 4"),
    (
        not_optional("post_zulip"),
        {"deliveries.optional"},
        "post_zulip is not optional",
    ),
    (
        not_optional("send_webhook"),
        {"deliveries.optional"},
        "send_webhook is not optional",
    ),
    (
        without_task("send_webhook"),
        {"deliveries.optional"},
        "send_webhook was never scheduled",
    ),
]


def with_shifted_word(milliseconds: float) -> Change:
    def change(words: recorded_runs.Words) -> recorded_runs.Words:
        words[5]["start"] += milliseconds / 1000
        return words

    return lambda evidence: with_words(evidence, change)


def with_changed_words(change: Callable[[recorded_runs.Words], recorded_runs.Words]) -> Change:
    return lambda evidence: with_words(evidence, change)


def wrong_speaker(words: recorded_runs.Words) -> recorded_runs.Words:
    words[5]["speaker"] = (words[5]["speaker"] + 1) % 3
    return words


def misheard(words: recorded_runs.Words) -> recorded_runs.Words:
    words[5]["word"] = "misheard"
    return words


def with_matching_prompt(evidence: Evidence) -> Evidence:
    """Replace the LLM prompt by one with the changed words."""
    prompt = " ".join(word["word"] for word in evidence.output["all_words"])
    request = recorded_runs.request_during(evidence, "detect_topics", prompt)
    return replace(
        evidence, requests=(*without_requests("detect_topics")(evidence).requests, request)
    )


WORD_CHECKS = {"words.complete", "words.speaker"}

WORDS: list[Case] = [
    (
        with_changed_words(lambda all_words: [*all_words[:5], *all_words[6:]]),
        WORD_CHECKS,
        "1 missing: ",
    ),
    (with_changed_words(lambda all_words: [*all_words, all_words[-1]]), WORD_CHECKS, "1 surplus: "),
    (with_changed_words(misheard), WORD_CHECKS, "1 surplus: misheard at "),
    (with_shifted_word(21), {*WORD_CHECKS, "words.time"}, "worst 21.0 ms of 20"),
    (with_shifted_word(-150), {*WORD_CHECKS, "words.time"}, "worst 150.0 ms of 20"),
    (
        with_changed_words(wrong_speaker),
        {"words.speaker"},
        "25 of 26 words attributed to the right one of 3",
    ),
    (
        with_changed_words(lambda all_words: [{**word, "speaker": 0} for word in all_words]),
        {"words.speaker", "quality"},
        "word error rate 0.00% of 10%, by speaker ",
    ),
    (
        with_changed_words(lambda all_words: all_words[::-1]),
        {"words.sorted"},
        "25 out of order; word_count 26",
    ),
    (
        lambda evidence: with_output(evidence, word_count=25),
        {"words.sorted"},
        "0 out of order; word_count 25, 26 listed",
    ),
]


def with_mixdown(change: Callable[[Mixdown], Mixdown]) -> Change:
    def of(evidence: Evidence) -> Evidence:
        assert evidence.mixdown is not None
        return replace(evidence, mixdown=change(evidence.mixdown))

    return of


def with_gain(factor: float, *bands: int) -> Change:
    def change(mixdown: Mixdown) -> Mixdown:
        return replace(
            mixdown,
            words=tuple(
                replace(word, level=word.level * factor) if word.band in bands else word
                for word in mixdown.words
            ),
        )

    return with_mixdown(change)


def with_waveform(change: Callable[[list[float]], list[float]]) -> Change:
    return lambda evidence: with_output(
        evidence, waveform=change(list(evidence.output["waveform"]))
    )


def with_audio_duration(seconds: float) -> Change:
    return with_mixdown(
        lambda mixdown: replace(mixdown, audio=replace(mixdown.audio, duration=seconds))
    )


MIXDOWN: list[Case] = [
    (with_mixdown(lambda m: replace(m, words=m.words[1:])), {"mixdown.words"}, "1 missing: (0, "),
    (
        with_mixdown(lambda m: replace(m, words=(*m.words, replace(m.words[0], start=7.5)))),
        {"mixdown.words"},
        "1 surplus: (0, ",
    ),
    (
        with_mixdown(lambda m: replace(m, words=tuple(w for w in m.words if w.band != 2))),
        {"mixdown.words", "mixdown.level"},
        "off: track 2 at 0.000",
    ),
    (with_gain(0.8, 1), {"mixdown.level"}, "off: track 1 at 0.8"),
    (with_gain(1.15, 1), {"mixdown.level"}, "off: track 1 at 1.1"),
    (with_gain(1 / 3, 0, 1, 2), {"mixdown.level"}, "gain 0.333 to 0.333; off: track 0"),
    (with_gain(1.2, 0, 1, 2), {"mixdown.level"}, "gain 1.197 to 1.200; off: track 0"),
    (with_audio_duration(7.9), {"mixdown.duration"}, "decoded 7.900 s, meeting 8.000 s"),
    (with_audio_duration(8.1), {"mixdown.duration"}, "decoded 8.100 s"),
    (
        lambda evidence: with_output(evidence, duration=None),
        {"mixdown.duration", "database.result", "webhook.payload"},
        "stated None s",
    ),
    (with_waveform(lambda peaks: peaks[1:]), {"waveform.peaks"}, "254 peaks, not 255"),
    (with_waveform(lambda _: []), {"waveform.peaks"}, "0 peaks, not 255"),
    (with_waveform(lambda peaks: [0.0] * len(peaks)), {"waveform.peaks"}, "255 peaks, at most 0."),
    (with_waveform(lambda peaks: [1.0] * len(peaks)), {"waveform.peaks"}, "255 peaks, at most 1.0"),
    (with_waveform(lambda peaks: peaks[::-1]), {"waveform.peaks"}, "255 peaks, at most 0."),
    (
        lambda evidence: replace(evidence, mixdown=None),
        {"mixdown.words", "mixdown.level", "mixdown.duration", "waveform.peaks"},
        "there is no readable mixdown",
    ),
]


def with_objects(change: Callable[[set[str]], set[str]]) -> Change:
    return lambda evidence: replace(
        evidence, transcript_keys=frozenset(change(set(evidence.transcript_keys)))
    )


def with_url(**changes: Any) -> Change:
    def change(evidence: Evidence) -> Evidence:
        first, *others = evidence.urls
        return replace(evidence, urls=(replace(first, **changes), *others))

    return change


def with_row(**changes: Any) -> Change:
    return lambda evidence: replace(evidence, transcript={**evidence.transcript, **changes})


def with_raw_tracks(count: int) -> Change:
    return lambda evidence: replace(
        evidence, recording_keys=frozenset(evidence.scenario.track_keys[:count])
    )


STORAGE: list[Case] = [
    (
        with_objects(lambda keys: {key for key in keys if not key.endswith("mp3")}),
        {"storage.keys"},
        "missing: transcript-0123456789ab/audio.mp3",
    ),
    (
        with_objects(lambda keys: {key for key in keys if "track_2" not in key}),
        {"storage.keys"},
        "missing: transcript-0123456789ab/padded_track_2.webm",
    ),
    (
        with_objects(lambda keys: {*keys, "tmp/leftover"}),
        {"storage.keys"},
        "not in the contract: tmp/leftover",
    ),
    (
        with_url(url="http://s3.test/x?X-Amz-Expires=3600"),
        {"storage.presigned"},
        "track 0 expires after 3600 s",
    ),
    (with_url(url="http://s3.test/x"), {"storage.presigned"}, "track 0 expires after never s"),
    (
        with_url(status=403, received_bytes=0),
        {"storage.presigned"},
        "track 0 returns 403 with 0 of 4321 bytes",
    ),
    (with_url(received_bytes=4000), {"storage.presigned"}, "200 with 4000 of 4321 bytes"),
    (
        lambda evidence: replace(evidence, urls=evidence.urls[:2]),
        {"storage.presigned"},
        "2 URLs for 3 tracks",
    ),
    (with_raw_tracks(2), {"consent.honoured"}, "no consent denied: 2 of 3 raw tracks stored"),
    (
        lambda evidence: with_output(evidence, audio_deleted=True),
        {"consent.honoured"},
        "audio_deleted is True in the output",
    ),
    (with_row(audio_deleted=True), {"consent.honoured"}, "True in the database"),
]

DENIED: list[Case] = [
    (
        with_raw_tracks(1),
        {"consent.honoured"},
        "consent denied by 1: 1 audio objects left (acme/room-",
    ),
    (
        with_objects(lambda _: {"transcript-0123456789ab/audio.mp3"}),
        {"consent.honoured", "storage.keys"},
        "1 audio objects left (transcript-0123456789ab/audio.mp3)",
    ),
    (
        lambda evidence: with_output(evidence, audio_deleted=False),
        {"consent.honoured"},
        "audio_deleted is False in the output and True in the database",
    ),
    (with_row(audio_deleted=False), {"consent.honoured"}, "False in the database"),
    (with_url(status=200, received_bytes=1), {"storage.presigned"}, "track 0 still returns 200"),
]


def with_extra_requests(during: str, count: int = 1, **options: Any) -> Change:
    def change(evidence: Evidence) -> Evidence:
        more = [
            recorded_runs.request_during(evidence, during, "more", **options) for _ in range(count)
        ]
        return replace(evidence, requests=(*evidence.requests, *more))

    return change


def without_requests(during: str) -> Change:
    def change(evidence: Evidence) -> Evidence:
        gone = evidence.requests_during("llm", during)
        return replace(evidence, requests=[r for r in evidence.requests if r not in gone])

    return change


def incomplete_prompt(evidence: Evidence) -> Evidence:
    """Leave one word out of the LLM prompt."""
    texts = [word["word"] for word in evidence.output["all_words"]]
    prompt = " ".join([*texts[:9], *texts[10:]])
    request = recorded_runs.request_during(evidence, "detect_topics", prompt)
    return replace(
        evidence, requests=(*without_requests("detect_topics")(evidence).requests, request)
    )


LLM: list[Case] = [
    (with_extra_requests("detect_topics"), {"llm.topic_calls"}, "2 calls for 26 words, 1 expected"),
    (
        without_requests("detect_topics"),
        {"llm.topic_calls", "llm.chunks"},
        "0 calls for 26 words, 1 expected",
    ),
    (incomplete_prompt, {"llm.chunks"}, "0 of 1 chunks in the prompts"),
    (
        lambda evidence: with_output(evidence, all_words=[], word_count=0),
        {*WORD_CHECKS, "words.time", "quality", "llm.chunks"},
        "0 of 0 chunks in the prompts",
    ),
    (
        with_extra_requests("generate_summary"),
        {"llm.summary_calls"},
        "10 calls for title and summary are not 1 + 2 + 2 · N",
    ),
    (
        with_extra_requests("generate_title", 8),
        {"llm.summary_calls"},
        "17 calls for title and summary",
    ),
    (without_requests("generate_summary"), {"llm.summary_calls"}, "1 calls for title and summary"),
]


def text(start: str) -> str:
    return f"{start} {recorded_runs.tracers()}"


def with_events(*events: tuple[str, Any]) -> Change:
    return lambda evidence: replace(evidence, events=(*evidence.events, *events))


def without_event(name: str) -> Change:
    return lambda evidence: replace(evidence, events=[e for e in evidence.events if e[0] != name])


def with_task(**changes: Any) -> Change:
    """Change the first task as Conductor has it."""

    def change(evidence: Evidence) -> Evidence:
        first, *others = evidence.workflow["tasks"]
        tasks = [{**first, **changes}, *others]
        return replace(evidence, workflow={**evidence.workflow, "tasks": tasks})

    return change


def with_request(service: str, body: bytes, *headers: tuple[str, str]) -> Change:
    """Add a request from before the run."""
    request = Request(99, service, "POST", "/", {}, headers, body, 0.0, 200, b"", 0.0)
    return lambda evidence: replace(evidence, requests=(*evidence.requests, request))


STATE: list[Case] = [
    (with_row(status="processing"), {"database.result"}, "status is 'processing', not 'ended'"),
    (
        with_row(title=text("Another")),
        {"database.result", "zulip.message"},
        "title is 'Another ",
    ),
    (with_row(duration=7.0), {"database.result"}, "duration is 7.0, not 8.0"),
    (
        with_row(short_summary=text("Cut"), long_summary=text("Cut")),
        {"database.result", "zulip.message"},
        "short_summary is 'Cut ",
    ),
    (without_event("WAVEFORM"), {"database.events"}, "no WAVEFORM"),
    (without_event("PIPELINE_PROGRESS"), {"database.events"}, "no PIPELINE_PROGRESS"),
    (without_event("STATUS"), {"database.events"}, "the last STATUS is None"),
    (
        with_events(("DURATION", {"duration": 8.0})),
        {"database.events"},
        "out of order: ['WAVEFORM', ",
    ),
    (
        with_events(("STATUS", {"value": "error"})),
        {"database.events"},
        "the last STATUS is {'value': 'error'}",
    ),
    (
        lambda evidence: replace(evidence, fleet_log=f"key {evidence.secrets[0]}"),
        {"secrets.kept"},
        "the fleet's log contains moda…",
    ),
    (
        with_events(("DEBUG", {"url": "http://s3.test/?X-Amz-Signature=1"})),
        {"events.schema", "secrets.kept"},
        "an event contains X-Amz-Signature",
    ),
    (
        with_task(reasonForIncompletion="answered 403 to Bearer modal-stand-in-key"),
        {"secrets.kept"},
        "the reason of get_recording contains moda…",
    ),
    (
        with_task(reasonForIncompletion="GET http://s3.test/a?X-Amz-Signature=1: answered 404"),
        {"secrets.kept"},
        "the reason of get_recording contains X-Amz-Signature",
    ),
    (
        with_task(outputData={"note": "see http://s3.test/a?X-Amz-Signature=1"}),
        {"secrets.kept"},
        "the output of get_recording contains X-Amz-Signature",
    ),
    (
        with_request("llm", b'{"messages": [{"content": "webhook-stand-in-secret"}]}'),
        {"secrets.kept"},
        "a request to llm contains webh…",
    ),
    (
        with_request("daily", b"{}", ("authorization", "Bearer modal-stand-in-key")),
        {"secrets.kept"},
        "daily received moda…, another service's key",
    ),
    (with_events(("DEBUG", {})), {"events.schema"}, "DEBUG: no such event is in the dictionary"),
    (
        with_events(("PIPELINE_PROGRESS", {**recorded_runs.PROGRESS, "step_status": "done"})),
        {"events.schema"},
        "PIPELINE_PROGRESS at /step_status: ",
    ),
]


def with_zulip_posts(*, copies: int = 1, topic: str = "transcripts", lacking: str = "") -> Change:
    """Replace the messages posted to Zulip."""

    def change(evidence: Evidence) -> Evidence:
        zulip = evidence.stand_ins.zulip
        (first,) = zulip.messages()
        content = first.content.replace(evidence.transcript[lacking], "") if lacking else ""
        zulip.forget(first.id)
        for _ in range(copies):
            recorded_runs.post(evidence.stand_ins, content or first.content, topic=topic)
        new_ids = [message.id for message in zulip.messages()]
        faulty = with_row(zulip_message_id=new_ids[0] if new_ids else None)(evidence)
        return with_output(faulty, message_id=str(new_ids[0]) if new_ids else None)

    return change


def with_deliveries(*contents: object, secret: str = "") -> Change:
    """Replace the deliveries; a function takes the good payload and changes it."""

    def change(evidence: Evidence) -> Evidence:
        evidence.stand_ins.ledger.clear()
        for content in contents:
            good = recorded_runs.payload(evidence.scenario, evidence.output)
            body = content(good) if callable(content) else content
            recorded_runs.deliver(evidence.stand_ins, body, secret=secret)
        return evidence

    return change


def unchanged(payload: dict[str, Any]) -> dict[str, Any]:
    return payload


def changed_transcript(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda payload: {**payload, "transcript": {**payload["transcript"], **changes}}


def speakers_swapped(payload: dict[str, Any]) -> dict[str, Any]:
    first, second, third = payload["transcript"]["participants"]
    swapped = [
        {**first, "name": second["name"]},
        {**second, "name": first["name"]},
        third,
    ]
    return changed_transcript(participants=swapped)(payload)


def with_violation(violation: str) -> Change:
    def change(evidence: Evidence) -> Evidence:
        *others, last = evidence.requests
        return replace(evidence, requests=(*others, replace(last, violations=(violation,))))

    return change


DELIVERY: list[Case] = [
    (with_zulip_posts(copies=0), {"zulip.message", "llm.tracers"}, "0 messages, 1 expected"),
    (with_zulip_posts(copies=2), {"zulip.message"}, "2 messages, 1 expected"),
    (
        with_zulip_posts(topic="general chat"),
        {"zulip.message"},
        "posted to meetings > general chat",
    ),
    (with_zulip_posts(lacking="short_summary"), {"zulip.message"}, "missing: short_summary"),
    (
        with_row(zulip_message_id=None),
        {"zulip.message"},
        "message id 1001 differs from the database or the output",
    ),
    (
        lambda evidence: with_output(evidence, message_id="17"),
        {"zulip.message"},
        "message id 1001 differs",
    ),
    (
        with_deliveries(),
        {"webhook.signature", "webhook.payload", "llm.tracers"},
        "0 deliveries, 1 expected",
    ),
    (with_deliveries(unchanged, unchanged), {"webhook.signature"}, "2 deliveries, 1 expected"),
    (with_deliveries(unchanged, secret="another"), {"webhook.signature"}, "the HMAC does not fit"),
    (
        with_deliveries(recorded_runs.tracers().encode()),
        {"webhook.payload"},
        "no JSON object was delivered",
    ),
    (
        with_deliveries(changed_transcript(id="other")),
        {"webhook.payload"},
        "id is 'other', not 'transcript-",
    ),
    (
        with_deliveries(changed_transcript(status="processing")),
        {"webhook.payload"},
        "status is 'processing', not 'ended'",
    ),
    (with_deliveries(speakers_swapped), {"webhook.payload"}, "participants are {0: "),
    (
        with_deliveries(changed_transcript(topics=[{"title": "Another"}])),
        {"webhook.payload"},
        "topics are ['Another'], not ['On ",
    ),
    (
        with_deliveries(changed_transcript(topics=[])),
        {"webhook.payload"},
        "topics are [], not ['On ",
    ),
    (
        with_extra_requests("post_zulip", service="zulip", status=400),
        {"services.accepted"},
        "zulip POST /v1/chat/completions → 400",
    ),
    (
        with_extra_requests("post_zulip", service="zulip", status=None),
        {"services.accepted"},
        "zulip POST /v1/chat/completions → None",
    ),
    (
        with_violation("body /topic: minLength 1 is wanted, a string of 0 characters is there"),
        {"services.contract"},
        "webhook POST /room: body /topic: minLength 1 is wanted",
    ),
]

FAULTS = [*STEPS, *WORDS, *MIXDOWN, *STORAGE, *LLM, *STATE, *DELIVERY]


def messages(cases: list[Case]) -> list[str]:
    return [message.strip("(: ") for _, _, message in cases]


@pytest.mark.parametrize(("change", "fails", "message"), FAULTS, ids=messages(FAULTS))
def test_a_faulty_run_fails_exactly_the_expected_checks(
    change: Change, fails: set[str], message: str
) -> None:
    evidence = change(good_run())
    if fails & {"words.complete", "words.sorted"} and "llm.chunks" not in fails:
        evidence = with_matching_prompt(evidence)

    assert failed(evidence) == fails
    assert any(message in verdict(evidence)[name].detail for name in fails), [
        verdict(evidence)[name].detail for name in fails
    ]


@pytest.mark.parametrize(("change", "fails", "message"), DENIED, ids=messages(DENIED))
def test_a_run_that_ignores_denied_consent_fails_exactly_the_expected_checks(
    change: Change, fails: set[str], message: str
) -> None:
    evidence = change(good_run(denied=[1]))

    assert failed(evidence) == fails
    assert any(message in verdict(evidence)[name].detail for name in fails)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("topic", "topics"),
        ("title", "title"),
        ("summary", "long summary"),
        ("short_summary", "short summary"),
    ],
)
def test_missing_tracers_are_reported_by_location(text: str, name: str) -> None:
    evidence = good_run(texts={text: "nothing that was said"})

    assert failed(evidence) == {"llm.tracers"}
    lost = "chrysalis, ecliptic, gossamer"
    assert verdict(evidence)["llm.tracers"].detail == f"{lost} not in {name}"


def test_every_check_fails_for_some_fault() -> None:
    cases = [*FAULTS, *DENIED]

    assert set().union(*(fails for _, fails, _ in cases)) == IDS


def test_a_word_within_20_ms_passes() -> None:
    assert failed(with_shifted_word(20)(good_run())) == set()
    assert failed(with_shifted_word(-19.9)(good_run())) == set()


def test_an_injected_fault_is_not_a_rejected_request() -> None:
    evidence = with_extra_requests("post_zulip", service="zulip", status=503)(good_run())
    *others, refused = evidence.requests

    assert failed(replace(evidence, requests=(*others, replace(refused, faulted=True)))) == set()


def test_a_run_without_requests_fails_the_request_check() -> None:
    evidence = replace(good_run(), requests=())

    assert "services.accepted" in failed(evidence)


@pytest.mark.parametrize(
    ("change", "fails"),
    [
        (
            lambda evidence: with_output(evidence, all_words=[{"text": "no such field"}]),
            {"words.complete", "words.speaker", "words.time", "words.sorted"},
        ),
        (lambda evidence: with_output(evidence, all_words="many"), {"words.complete"}),
        (
            lambda evidence: with_output(evidence, waveform=["loud"] * recorded_runs.PEAKS),
            {"waveform.peaks"},
        ),
        (
            lambda evidence: with_output(evidence, duration="8 s"),
            {"mixdown.duration", "waveform.peaks"},
        ),
        (lambda evidence: with_output(evidence, topics=[None]), {"webhook.payload"}),
        (with_deliveries({"transcript": None}), {"webhook.payload"}),
        (with_deliveries(changed_transcript(participants=None)), {"webhook.payload"}),
    ],
)
def test_unreadable_evidence_fails_the_check_not_the_command(
    change: Change, fails: set[str]
) -> None:
    checks = verdict(change(good_run()))

    assert checks.keys() == IDS
    for name in fails:
        assert not checks[name].passed
        assert checks[name].detail.startswith("the evidence cannot be read: ")


def test_a_presigned_url_may_appear_in_a_url_field() -> None:
    url = "http://s3.test/a?X-Amz-Signature=1"
    task = {"referenceTaskName": "pad", "outputData": {"padded_url": url, "padded_urls": [url]}}
    evidence = good_run()
    workflow = {**evidence.workflow, "tasks": [*evidence.workflow["tasks"], task]}
    own_key = ("authorization", f"Bearer {evidence.stand_ins.credentials.modal_key}")
    request = with_request("modal", json.dumps({"audio_file_url": url}).encode(), own_key)

    (check,) = secrets.checks(request(replace(evidence, workflow=workflow)))

    assert check.passed, check.detail
    assert check.detail.startswith("none of 2 keys and no signature in log")


def test_a_run_that_fails_at_once_passes_only_vacuous_checks() -> None:
    good = good_run()
    first = {**good.workflow["tasks"][0], "status": "FAILED", "reasonForIncompletion": "no key"}
    workflow = {"status": "FAILED", "tasks": [first], "output": None}
    evidence = replace(
        good,
        workflow=workflow,
        steps=tuple(step_states(good.contracts.steps, workflow, recorded_runs.NOW)),
        transcript={},
        events=(),
        requests=(),
        stand_ins=type(good.stand_ins)(),
        transcript_keys=frozenset(),
        urls=(),
        mixdown=None,
    )

    checks = verdict(evidence)

    assert checks["steps.completed"].detail.startswith(
        "workflow FAILED: get_recording is FAILED (no key); get_participants is PENDING"
    )
    # Nothing ran out of order, was deleted or leaked.
    assert IDS - failed(evidence) == {"steps.order", "consent.honoured", "secrets.kept"}


def test_a_peak_at_a_segment_border_may_count_for_either_side() -> None:
    good = good_run()
    assert good.mixdown is not None
    levels = np.abs(good.mixdown.audio.samples)
    edges = np.linspace(0, levels.size, recorded_runs.PEAKS + 1)
    shifted_peaks = [
        float(levels[max(0, int(begin) - 20) : int(end) - 20].max(initial=0.0))
        for begin, end in pairwise(edges)
    ]

    assert failed(with_output(good, waveform=shifted_peaks)) == set()
