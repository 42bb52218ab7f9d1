"""Changes that turn the evidence of a correct run into that of a faulty one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.unit.trackproof.runs import recorded_runs
from tests.unit.trackproof.runs.recorded_runs import with_output, with_step, with_words
from trackproof.runs.evidence import Evidence, Mixdown
from trackproof.testbed.stand_ins.ledger import Request

Change = Callable[[Evidence], Evidence]


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


def with_zulip_posts(*, copies: int = 1, topic: str = "transcripts", lacking: str = "") -> Change:
    """Replace the messages posted to Zulip."""

    def change(evidence: Evidence) -> Evidence:
        zulip = evidence.stand_ins.zulip
        (first,) = zulip.messages()
        content = first.content.replace(evidence.transcript[lacking], "") if lacking else ""
        zulip.delete(first.id)
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
