"""Every check holds for an honest run and fails, with the fault in its words, for a spoilt one."""

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
from trackproof.checks import judge, secrets
from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence, Mixdown
from trackproof.runs.progress import step_states
from trackproof.testbed.stand_ins.ledger import Request

IDS = {
    "steps.completed",
    "steps.order",
    "steps.forks",
    "deliveries.optional",
    "words.complete",
    "words.speaker",
    "words.time",
    "words.sorted",
    "quality",
    "mixdown.words",
    "mixdown.level",
    "mixdown.duration",
    "waveform.peaks",
    "storage.keys",
    "storage.presigned",
    "consent.honoured",
    "llm.topic_calls",
    "llm.chunks",
    "llm.summary_calls",
    "llm.tracers",
    "database.result",
    "database.events",
    "events.schema",
    "secrets.kept",
    "zulip.message",
    "webhook.signature",
    "webhook.payload",
    "services.accepted",
    "services.contract",
}

Spoil = Callable[[Evidence], Evidence]
Case = tuple[Spoil, set[str], str]
"""How a run is spoilt, the checks that fail for it, and what one of them says."""


def verdict(evidence: Evidence) -> dict[str, Check]:
    checks = list(judge(evidence))
    assert len(checks) == len({check.id for check in checks})
    return {check.id: check for check in checks}


def failed(evidence: Evidence) -> set[str]:
    checks = verdict(evidence)
    assert checks.keys() == IDS
    return {name for name, check in checks.items() if not check.passed}


@pytest.mark.parametrize("denied", [(), (0,), (0, 1, 2)])
def test_every_check_holds_for_an_honest_run(denied: tuple[int, ...]) -> None:
    assert failed(good_run(denied=denied)) == set()


def workflow_failed(evidence: Evidence) -> Evidence:
    return replace(evidence, workflow={**evidence.workflow, "status": "FAILED"})


def without_task(reference: str) -> Spoil:
    def spoil(evidence: Evidence) -> Evidence:
        tasks = [t for t in evidence.workflow["tasks"] if t["referenceTaskName"] != reference]
        return replace(evidence, workflow={**evidence.workflow, "tasks": tasks})

    return spoil


def required(reference: str) -> Spoil:
    def spoil(evidence: Evidence) -> Evidence:
        tasks = [
            {**task, "workflowTask": {"optional": task["referenceTaskName"] != reference}}
            for task in evidence.workflow["tasks"]
        ]
        return replace(evidence, workflow={**evidence.workflow, "tasks": tasks})

    return spoil


def step(name: str, **changes: Any) -> Spoil:
    return lambda evidence: with_step(evidence, name, **changes)


def branch_given_up(evidence: Evidence) -> Evidence:
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
        branch_given_up,
        {"steps.completed"},
        "Conductor ended the run before it had planned the next attempt of branch",
    ),
    (
        step("mixdown_tracks", status="FAILED", reason="no disk left"),
        {"steps.completed"},
        "mixdown_tracks is FAILED (no disk left)",
    ),
    (step("finalize", status="PENDING"), {"steps.completed"}, "finalize is PENDING"),
    (
        step("generate_waveform", seconds=1.5),
        {"steps.order"},
        "generate_transcription_tasks began before generate_waveform had ended",
    ),
    (
        step("get_recording", started_at=None),
        {"steps.order"},
        "get_participants began before get_recording had ended",
    ),
    (
        step("generate_title", seconds=2.5),
        {"steps.order"},
        "finalize began before generate_title had ended",
    ),
    (
        step("detect_topics", seconds=2.5),
        {"steps.order", "llm.topic_calls"},
        "generate_summary began before detect_topics had ended",
    ),
    (step("pad_track", branches=2), {"steps.forks"}, "pad_track × 2"),
    (step("transcribe_track", branches=4), {"steps.forks"}, "transcribe_track × 4"),
    (
        required("post_zulip"),
        {"deliveries.optional"},
        "a failing post_zulip would fail the meeting",
    ),
    (
        required("send_webhook"),
        {"deliveries.optional"},
        "a failing send_webhook would fail the meeting",
    ),
    (
        without_task("send_webhook"),
        {"deliveries.optional"},
        "send_webhook was never scheduled",
    ),
]


def shifted(milliseconds: float) -> Spoil:
    def spoil(words: recorded_runs.Words) -> recorded_runs.Words:
        words[5]["start"] += milliseconds / 1000
        return words

    return lambda evidence: with_words(evidence, spoil)


def words(spoil: Callable[[recorded_runs.Words], recorded_runs.Words]) -> Spoil:
    return lambda evidence: with_words(evidence, spoil)


def by_another(words: recorded_runs.Words) -> recorded_runs.Words:
    words[5]["speaker"] = (words[5]["speaker"] + 1) % 3
    return words


def misheard(words: recorded_runs.Words) -> recorded_runs.Words:
    words[5]["word"] = "misheard"
    return words


def asked_for_its_own_words(evidence: Evidence) -> Evidence:
    """Let the LLM have been asked for the words as they are now merged."""
    prompt = " ".join(word["word"] for word in evidence.output["all_words"])
    asked = recorded_runs.request_during(evidence, "detect_topics", prompt)
    return replace(evidence, requests=(*asked_less("detect_topics")(evidence).requests, asked))


TELLING_WORDS = {"words.complete", "words.speaker"}

WORDS: list[Case] = [
    (words(lambda all_words: [*all_words[:5], *all_words[6:]]), TELLING_WORDS, "1 missing: "),
    (words(lambda all_words: [*all_words, all_words[-1]]), TELLING_WORDS, "1 surplus: "),
    (words(misheard), TELLING_WORDS, "1 surplus: misheard at "),
    (shifted(21), {*TELLING_WORDS, "words.time"}, "worst 21.0 ms of 20"),
    (shifted(-150), {*TELLING_WORDS, "words.time"}, "worst 150.0 ms of 20"),
    (words(by_another), {"words.speaker"}, "25 of 26 words by the right one of 3"),
    (words(by_another), {"words.speaker"}, "1 missing: ("),
    (
        words(lambda all_words: [{**word, "speaker": 0} for word in all_words]),
        {"words.speaker", "quality"},
        "word error rate 0.00% of 10%, by speaker ",
    ),
    (words(lambda all_words: all_words[::-1]), {"words.sorted"}, "25 out of order; 26 counted"),
    (
        lambda evidence: with_output(evidence, word_count=25),
        {"words.sorted"},
        "0 out of order; 25 counted, 26 listed",
    ),
]


def heard(spoil: Callable[[Mixdown], Mixdown]) -> Spoil:
    def of(evidence: Evidence) -> Evidence:
        assert evidence.mixdown is not None
        return replace(evidence, mixdown=spoil(evidence.mixdown))

    return of


def louder(factor: float, *bands: int) -> Spoil:
    def spoil(mixdown: Mixdown) -> Mixdown:
        return replace(
            mixdown,
            words=tuple(
                replace(word, level=word.level * factor) if word.band in bands else word
                for word in mixdown.words
            ),
        )

    return heard(spoil)


def drawn(spoil: Callable[[list[float]], list[float]]) -> Spoil:
    return lambda evidence: with_output(evidence, waveform=spoil(list(evidence.output["waveform"])))


def lasting(seconds: float) -> Spoil:
    return heard(lambda mixdown: replace(mixdown, audio=replace(mixdown.audio, duration=seconds)))


MIXDOWN: list[Case] = [
    (heard(lambda m: replace(m, words=m.words[1:])), {"mixdown.words"}, "1 missing: (0, "),
    (
        heard(lambda m: replace(m, words=(*m.words, replace(m.words[0], start=7.5)))),
        {"mixdown.words"},
        "1 surplus: (0, ",
    ),
    (
        heard(lambda m: replace(m, words=tuple(w for w in m.words if w.band != 2))),
        {"mixdown.words", "mixdown.level"},
        "off: track 2 at 0.000",
    ),
    (louder(0.8, 1), {"mixdown.level"}, "off: track 1 at 0.8"),
    (louder(1.15, 1), {"mixdown.level"}, "off: track 1 at 1.1"),
    (louder(1 / 3, 0, 1, 2), {"mixdown.level"}, "gain 0.333 to 0.333; off: track 0"),
    (louder(1.2, 0, 1, 2), {"mixdown.level"}, "gain 1.197 to 1.200; off: track 0"),
    (lasting(7.9), {"mixdown.duration"}, "audible 7.900 s, meeting 8.000 s"),
    (lasting(8.1), {"mixdown.duration"}, "audible 8.100 s"),
    (
        lambda evidence: with_output(evidence, duration=None),
        {"mixdown.duration", "database.result", "webhook.payload"},
        "stated None s",
    ),
    (drawn(lambda peaks: peaks[1:]), {"waveform.peaks"}, "254 peaks, not 255"),
    (drawn(lambda _: []), {"waveform.peaks"}, "0 peaks, not 255"),
    (drawn(lambda peaks: [0.0] * len(peaks)), {"waveform.peaks"}, "255 peaks, at most 0."),
    (drawn(lambda peaks: [1.0] * len(peaks)), {"waveform.peaks"}, "255 peaks, at most 1.0"),
    (drawn(lambda peaks: peaks[::-1]), {"waveform.peaks"}, "255 peaks, at most 0."),
    (
        lambda evidence: replace(evidence, mixdown=None),
        {"mixdown.words", "mixdown.level", "mixdown.duration", "waveform.peaks"},
        "there is no mixdown that can be read",
    ),
]


def stored(spoil: Callable[[set[str]], set[str]]) -> Spoil:
    return lambda evidence: replace(
        evidence, transcript_keys=frozenset(spoil(set(evidence.transcript_keys)))
    )


def served(**changes: Any) -> Spoil:
    def spoil(evidence: Evidence) -> Evidence:
        first, *others = evidence.urls
        return replace(evidence, urls=(replace(first, **changes), *others))

    return spoil


def recorded(**changes: Any) -> Spoil:
    return lambda evidence: replace(evidence, transcript={**evidence.transcript, **changes})


def with_raw_tracks(count: int) -> Spoil:
    return lambda evidence: replace(
        evidence, recording_keys=frozenset(evidence.scenario.track_keys[:count])
    )


STORAGE: list[Case] = [
    (
        stored(lambda keys: {key for key in keys if not key.endswith("mp3")}),
        {"storage.keys"},
        "missing: transcript-0123456789ab/audio.mp3",
    ),
    (
        stored(lambda keys: {key for key in keys if "track_2" not in key}),
        {"storage.keys"},
        "missing: transcript-0123456789ab/padded_track_2.webm",
    ),
    (
        stored(lambda keys: {*keys, "tmp/leftover"}),
        {"storage.keys"},
        "not in the contract: tmp/leftover",
    ),
    (
        served(url="http://s3.test/x?X-Amz-Expires=3600"),
        {"storage.presigned"},
        "track 0 expires after 3600 s",
    ),
    (served(url="http://s3.test/x"), {"storage.presigned"}, "track 0 expires after none s"),
    (
        served(status=403, received_bytes=0),
        {"storage.presigned"},
        "track 0 answers 403 with 0 of 4321 bytes",
    ),
    (served(received_bytes=4000), {"storage.presigned"}, "200 with 4000 of 4321 bytes"),
    (
        lambda evidence: replace(evidence, urls=evidence.urls[:2]),
        {"storage.presigned"},
        "2 URLs for 3 tracks",
    ),
    (with_raw_tracks(2), {"consent.honoured"}, "nobody denied: 2 of 3 raw tracks kept"),
    (
        lambda evidence: with_output(evidence, audio_deleted=True),
        {"consent.honoured"},
        "deleted says True",
    ),
    (recorded(audio_deleted=True), {"consent.honoured"}, "database says True"),
]

DENIED: list[Case] = [
    (with_raw_tracks(1), {"consent.honoured"}, "denied by 1: 1 audio objects left (acme/room-"),
    (
        stored(lambda _: {"transcript-0123456789ab/audio.mp3"}),
        {"consent.honoured", "storage.keys"},
        "1 audio objects left (transcript-0123456789ab/audio.mp3)",
    ),
    (
        lambda evidence: with_output(evidence, audio_deleted=False),
        {"consent.honoured"},
        "deleted says False, database says True",
    ),
    (recorded(audio_deleted=False), {"consent.honoured"}, "database says False"),
    (served(status=200, received_bytes=1), {"storage.presigned"}, "track 0 still answers 200"),
]


def asked_more(during: str, count: int = 1, **options: Any) -> Spoil:
    def spoil(evidence: Evidence) -> Evidence:
        more = [
            recorded_runs.request_during(evidence, during, "more", **options) for _ in range(count)
        ]
        return replace(evidence, requests=(*evidence.requests, *more))

    return spoil


def asked_less(during: str) -> Spoil:
    def spoil(evidence: Evidence) -> Evidence:
        gone = evidence.requests_during("llm", during)
        return replace(evidence, requests=[r for r in evidence.requests if r not in gone])

    return spoil


def asked_for_a_part(evidence: Evidence) -> Evidence:
    """Let one word in the middle never have been shown to the LLM."""
    texts = [word["word"] for word in evidence.output["all_words"]]
    prompt = " ".join([*texts[:9], *texts[10:]])
    asked = recorded_runs.request_during(evidence, "detect_topics", prompt)
    return replace(evidence, requests=(*asked_less("detect_topics")(evidence).requests, asked))


LLM: list[Case] = [
    (asked_more("detect_topics"), {"llm.topic_calls"}, "2 calls for 26 words, 1 expected"),
    (
        asked_less("detect_topics"),
        {"llm.topic_calls", "llm.chunks"},
        "0 calls for 26 words, 1 expected",
    ),
    (asked_for_a_part, {"llm.chunks"}, "0 of 1 chunks seen whole"),
    (
        lambda evidence: with_output(evidence, all_words=[], word_count=0),
        {*TELLING_WORDS, "words.time", "quality", "llm.chunks"},
        "0 of 0 chunks seen whole",
    ),
    (
        asked_more("generate_summary"),
        {"llm.summary_calls"},
        "10 calls for title and summary are not 1 + 2 + 2 · N",
    ),
    (asked_more("generate_title", 8), {"llm.summary_calls"}, "17 calls for title and summary"),
    (asked_less("generate_summary"), {"llm.summary_calls"}, "1 calls for title and summary"),
]


def text(start: str) -> str:
    return f"{start} {recorded_runs.tracers()}"


def told(*events: tuple[str, Any]) -> Spoil:
    return lambda evidence: replace(evidence, events=(*evidence.events, *events))


def untold(name: str) -> Spoil:
    return lambda evidence: replace(evidence, events=[e for e in evidence.events if e[0] != name])


def leaking(**changes: Any) -> Spoil:
    """Spoil the first task as Conductor has it."""

    def spoil(evidence: Evidence) -> Evidence:
        first, *others = evidence.workflow["tasks"]
        tasks = [{**first, **changes}, *others]
        return replace(evidence, workflow={**evidence.workflow, "tasks": tasks})

    return spoil


def asking(service: str, body: bytes, *headers: tuple[str, str]) -> Spoil:
    """Add a request long before the run."""
    request = Request(99, service, "POST", "/", {}, headers, body, 0.0, 200, b"", 0.0)
    return lambda evidence: replace(evidence, requests=(*evidence.requests, request))


STATE: list[Case] = [
    (recorded(status="processing"), {"database.result"}, "status is 'processing', not 'ended'"),
    (
        recorded(title=text("Another")),
        {"database.result", "zulip.message"},
        "title is 'Another ",
    ),
    (recorded(duration=7.0), {"database.result"}, "duration is 7.0, not 8.0"),
    (
        recorded(short_summary=text("Cut"), long_summary=text("Cut")),
        {"database.result", "zulip.message"},
        "short_summary is 'Cut ",
    ),
    (untold("WAVEFORM"), {"database.events"}, "no WAVEFORM"),
    (untold("PIPELINE_PROGRESS"), {"database.events"}, "no PIPELINE_PROGRESS"),
    (untold("STATUS"), {"database.events"}, "the last STATUS is None"),
    (told(("DURATION", {"duration": 8.0})), {"database.events"}, "out of order: ['WAVEFORM', "),
    (
        told(("STATUS", {"value": "error"})),
        {"database.events"},
        "the last STATUS is {'value': 'error'}",
    ),
    (
        lambda evidence: replace(evidence, fleet_log=f"key {evidence.secrets[0]}"),
        {"secrets.kept"},
        "the fleet's log holds moda…",
    ),
    (
        told(("DEBUG", {"url": "http://s3.test/?X-Amz-Signature=1"})),
        {"events.schema", "secrets.kept"},
        "an event holds X-Amz-Signature",
    ),
    (
        leaking(reasonForIncompletion="answered 403 to Bearer modal-stand-in-key"),
        {"secrets.kept"},
        "the reason of get_recording holds moda…",
    ),
    (
        leaking(reasonForIncompletion="GET http://s3.test/a?X-Amz-Signature=1: answered 404"),
        {"secrets.kept"},
        "the reason of get_recording holds X-Amz-Signature",
    ),
    (
        leaking(outputData={"note": "see http://s3.test/a?X-Amz-Signature=1"}),
        {"secrets.kept"},
        "the output of get_recording holds X-Amz-Signature",
    ),
    (
        asking("llm", b'{"messages": [{"content": "webhook-stand-in-secret"}]}'),
        {"secrets.kept"},
        "a request to llm holds webh…",
    ),
    (
        asking("daily", b"{}", ("authorization", "Bearer modal-stand-in-key")),
        {"secrets.kept"},
        "daily was shown moda…, which is not its own",
    ),
    (told(("DEBUG", {})), {"events.schema"}, "DEBUG: the event is not in the dictionary"),
    (
        told(("PIPELINE_PROGRESS", {**recorded_runs.PROGRESS, "step_status": "done"})),
        {"events.schema"},
        "PIPELINE_PROGRESS at /step_status: ",
    ),
]


def posted(*, copies: int = 1, topic: str = "transcripts", lacking: str = "") -> Spoil:
    """Replace what was posted to Zulip."""

    def spoil(evidence: Evidence) -> Evidence:
        zulip = evidence.stand_ins.zulip
        (first,) = zulip.messages()
        content = first.content.replace(evidence.transcript[lacking], "") if lacking else ""
        zulip.delete(first.id)
        for _ in range(copies):
            recorded_runs.post(evidence.stand_ins, content or first.content, topic=topic)
        new_ids = [message.id for message in zulip.messages()]
        spoilt = recorded(zulip_message_id=new_ids[0] if new_ids else None)(evidence)
        return with_output(spoilt, message_id=str(new_ids[0]) if new_ids else None)

    return spoil


def delivered(*contents: object, secret: str = "") -> Spoil:
    """Replace what was delivered; a function is given the honest payload to spoil."""

    def spoil(evidence: Evidence) -> Evidence:
        evidence.stand_ins.ledger.clear()
        for content in contents:
            honest = recorded_runs.payload(evidence.scenario, evidence.output)
            told = content(honest) if callable(content) else content
            recorded_runs.deliver(evidence.stand_ins, told, secret=secret)
        return evidence

    return spoil


def as_it_is(payload: dict[str, Any]) -> dict[str, Any]:
    return payload


def transcript(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda payload: {**payload, "transcript": {**payload["transcript"], **changes}}


def speakers_swapped(payload: dict[str, Any]) -> dict[str, Any]:
    first, second, third = payload["transcript"]["participants"]
    swapped = [
        {**first, "name": second["name"]},
        {**second, "name": first["name"]},
        third,
    ]
    return transcript(participants=swapped)(payload)


def breached(breach: str) -> Spoil:
    def spoil(evidence: Evidence) -> Evidence:
        *others, last = evidence.requests
        return replace(evidence, requests=(*others, replace(last, violations=(breach,))))

    return spoil


DELIVERY: list[Case] = [
    (posted(copies=0), {"zulip.message", "llm.tracers"}, "0 messages, 1 expected"),
    (posted(copies=2), {"zulip.message"}, "2 messages, 1 expected"),
    (posted(topic="general chat"), {"zulip.message"}, "it stands in meetings > general chat"),
    (posted(lacking="short_summary"), {"zulip.message"}, "it lacks the short_summary"),
    (
        recorded(zulip_message_id=None),
        {"zulip.message"},
        "its id is 1001, database and output say otherwise",
    ),
    (
        lambda evidence: with_output(evidence, message_id="17"),
        {"zulip.message"},
        "its id is 1001",
    ),
    (
        delivered(),
        {"webhook.signature", "webhook.payload", "llm.tracers"},
        "0 deliveries, 1 expected",
    ),
    (delivered(as_it_is, as_it_is), {"webhook.signature"}, "2 deliveries, 1 expected"),
    (delivered(as_it_is, secret="another"), {"webhook.signature"}, "the HMAC does not fit"),
    (
        delivered(recorded_runs.tracers().encode()),
        {"webhook.payload"},
        "no JSON object was delivered",
    ),
    (delivered(transcript(id="other")), {"webhook.payload"}, "id is 'other', not 'transcript-"),
    (
        delivered(transcript(status="processing")),
        {"webhook.payload"},
        "status is 'processing', not 'ended'",
    ),
    (delivered(speakers_swapped), {"webhook.payload"}, "participants are {0: "),
    (
        delivered(transcript(topics=[{"title": "Another"}])),
        {"webhook.payload"},
        "topics are ['Another'], not ['On ",
    ),
    (delivered(transcript(topics=[])), {"webhook.payload"}, "topics are [], not ['On "),
    (
        asked_more("post_zulip", service="zulip", status=400),
        {"services.accepted"},
        "zulip POST /v1/chat/completions → 400",
    ),
    (
        asked_more("post_zulip", service="zulip", status=None),
        {"services.accepted"},
        "zulip POST /v1/chat/completions → None",
    ),
    (
        breached("body /topic: minLength 1 is wanted, a string of 0 characters is there"),
        {"services.contract"},
        "webhook POST /room: body /topic: minLength 1 is wanted",
    ),
]

SPOILT = [*STEPS, *WORDS, *MIXDOWN, *STORAGE, *LLM, *STATE, *DELIVERY]


def tellings(cases: list[Case]) -> list[str]:
    return [telling.strip("(: ") for _, _, telling in cases]


@pytest.mark.parametrize(("spoil", "fails", "telling"), SPOILT, ids=tellings(SPOILT))
def test_a_spoilt_run_fails_exactly_these_checks_and_says_why(
    spoil: Spoil, fails: set[str], telling: str
) -> None:
    evidence = spoil(good_run())
    if fails & {"words.complete", "words.sorted"} and "llm.chunks" not in fails:
        evidence = asked_for_its_own_words(evidence)

    assert failed(evidence) == fails
    assert any(telling in verdict(evidence)[name].detail for name in fails), [
        verdict(evidence)[name].detail for name in fails
    ]


@pytest.mark.parametrize(("spoil", "fails", "telling"), DENIED, ids=tellings(DENIED))
def test_a_run_that_ignores_denied_consent_fails_exactly_these_checks(
    spoil: Spoil, fails: set[str], telling: str
) -> None:
    evidence = spoil(good_run(denied=[1]))

    assert failed(evidence) == fails
    assert any(telling in verdict(evidence)[name].detail for name in fails)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("topic", "topics"),
        ("title", "title"),
        ("summary", "long summary"),
        ("short_summary", "short summary"),
    ],
)
def test_tracers_that_do_not_surface_are_named_with_their_place(text: str, place: str) -> None:
    evidence = good_run(texts={text: "nothing that was said"})

    assert failed(evidence) == {"llm.tracers"}
    lost = "chrysalis, ecliptic, gossamer"
    assert verdict(evidence)["llm.tracers"].detail == f"{lost} not in {place}"


def test_every_check_is_seen_to_fail() -> None:
    cases = [*SPOILT, *DENIED]

    assert set().union(*(fails for _, fails, _ in cases)) == IDS


def test_a_word_within_20_ms_is_in_time() -> None:
    assert failed(shifted(20)(good_run())) == set()
    assert failed(shifted(-19.9)(good_run())) == set()


def test_an_injected_fault_is_no_refusal() -> None:
    evidence = asked_more("post_zulip", service="zulip", status=503)(good_run())
    *others, refused = evidence.requests

    assert failed(replace(evidence, requests=(*others, replace(refused, faulted=True)))) == set()


def test_a_meeting_without_any_request_proves_nothing_about_manners() -> None:
    evidence = replace(good_run(), requests=())

    assert "services.accepted" in failed(evidence)


@pytest.mark.parametrize(
    ("spoil", "fails"),
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
        (delivered({"transcript": None}), {"webhook.payload"}),
        (delivered(transcript(participants=None)), {"webhook.payload"}),
    ],
)
def test_what_cannot_be_read_fails_the_check_and_not_the_command(
    spoil: Spoil, fails: set[str]
) -> None:
    checks = verdict(spoil(good_run()))

    assert checks.keys() == IDS
    for name in fails:
        assert not checks[name].passed
        assert checks[name].detail.startswith("what the fleet left cannot be judged: ")


def test_a_presigned_url_may_travel_in_a_field_of_its_own() -> None:
    url = "http://s3.test/a?X-Amz-Signature=1"
    task = {"referenceTaskName": "pad", "outputData": {"padded_url": url, "padded_urls": [url]}}
    evidence = good_run()
    workflow = {**evidence.workflow, "tasks": [*evidence.workflow["tasks"], task]}
    own_key = ("authorization", f"Bearer {evidence.stand_ins.credentials.modal_key}")
    asked = asking("modal", json.dumps({"audio_file_url": url}).encode(), own_key)

    (check,) = secrets.checks(asked(replace(evidence, workflow=workflow)))

    assert check.passed, check.detail
    assert check.detail.startswith("none of 2 keys and no signature in log")


def test_a_run_that_failed_at_once_passes_nothing_it_did_not_prove() -> None:
    honest = good_run()
    first = {**honest.workflow["tasks"][0], "status": "FAILED", "reasonForIncompletion": "no key"}
    workflow = {"status": "FAILED", "tasks": [first], "output": None}
    evidence = replace(
        honest,
        workflow=workflow,
        steps=tuple(step_states(honest.contracts.steps, workflow, recorded_runs.NOW)),
        transcript={},
        events=(),
        requests=(),
        stand_ins=type(honest.stand_ins)(),
        transcript_keys=frozenset(),
        urls=(),
        mixdown=None,
    )

    checks = verdict(evidence)

    assert checks["steps.completed"].detail.startswith(
        "workflow FAILED: get_recording is FAILED (no key); get_participants is PENDING"
    )
    # Nothing was out of order, deleted or leaked; that much is true.
    assert IDS - failed(evidence) == {"steps.order", "consent.honoured", "secrets.kept"}


def test_peaks_on_a_border_may_be_drawn_on_either_side() -> None:
    honest = good_run()
    assert honest.mixdown is not None
    levels = np.abs(honest.mixdown.audio.samples)
    edges = np.linspace(0, levels.size, recorded_runs.PEAKS + 1)
    a_hair_early = [
        float(levels[max(0, int(begin) - 20) : int(end) - 20].max(initial=0.0))
        for begin, end in pairwise(edges)
    ]

    assert failed(with_output(honest, waveform=a_hair_early)) == set()
