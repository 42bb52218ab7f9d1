"""The ledger counts every effect of a meeting against what the contract allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.trackproof.runs.recorded_runs import (
    deliver,
    good_run,
    payload,
    post,
    request_during,
    with_lists_by_reference,
    with_output,
)
from trackproof.checks import ledger
from trackproof.checks.effects import EffectCount, Losses, count_effects
from trackproof.runs.evidence import Evidence
from trackproof.runs.stored_lists import LISTS, list_keys
from trackproof.runs.unavailable import unavailable_events, unavailable_row


def run_with_ids(**extra_attempts: int) -> Evidence:
    """Return a correct run whose tasks have ids, with further attempts at some of them."""
    evidence = good_run()
    tasks = [{**task, "taskId": str(n)} for n, task in enumerate(evidence.workflow["tasks"])]
    for name, number in extra_attempts.items():
        tasks += [
            {
                "taskId": f"{name}-{n}",
                "taskDefName": name,
                "referenceTaskName": f"{name}_0" if name == "transcribe_track" else name,
                "startTime": 1,
                "status": "FAILED",
            }
            for n in range(number)
        ]
    return replace(evidence, workflow={**evidence.workflow, "tasks": tasks})


def writes_of(evidence: Evidence) -> dict[str, int]:
    return dict.fromkeys(evidence.transcript_keys, 1)


def broken(
    evidence: Evidence,
    writes: Mapping[str, int] | None = None,
    losses: Losses = Losses(),  # noqa: B008 - it is frozen
) -> list[str]:
    """Return the effects that the contract does not allow as often as they happened."""
    counts = count_effects(evidence, writes_of(evidence) if writes is None else writes, losses)
    return [count.effect for count in counts if not count.holds]


def refreshed(evidence: Evidence) -> Evidence:
    """Return the evidence with the stand-ins' requests as they are now."""
    return replace(evidence, requests=tuple(evidence.stand_ins.ledger.requests()))


def message(evidence: Evidence) -> str:
    return f"summary, see /transcripts/{evidence.scenario.transcript_id}"


@pytest.fixture
def evidence() -> Evidence:
    return run_with_ids()


def test_a_correct_run_holds_and_repeats_nothing(evidence: Evidence) -> None:
    counts = count_effects(evidence, writes_of(evidence))
    assert [str(count) for count in counts if not count.holds or count.repeated] == []
    assert {count.effect for count in counts} >= {
        "Zulip messages",
        "webhooks",
        "events TOPIC",
        "GPU calls",
        "LLM calls with one prompt",
        "writes of other objects",
    }


def test_a_missing_and_a_doubled_message_break_it(evidence: Evidence) -> None:
    silent = [one for one in evidence.requests if one.service != "zulip"]
    assert broken(replace(evidence, requests=silent)) == ["Zulip messages"]
    post(evidence.stand_ins, message(evidence))
    assert broken(refreshed(evidence)) == ["Zulip messages"]


def test_a_lost_answer_explains_one_message_more_and_not_two(evidence: Evidence) -> None:
    lost = Losses({"zulip": 1})
    post(evidence.stand_ins, message(evidence))
    assert broken(refreshed(evidence), losses=lost) == []
    post(evidence.stand_ins, message(evidence))
    assert broken(refreshed(evidence), losses=lost) == ["Zulip messages"]


def test_another_attempt_explains_a_message_only_if_it_was_interrupted() -> None:
    evidence = run_with_ids(post_zulip=1)
    post(evidence.stand_ins, message(evidence))
    assert broken(refreshed(evidence)) == ["Zulip messages"]
    assert broken(refreshed(evidence), losses=Losses(interrupted=True)) == []


def test_a_message_about_another_meeting_does_not_count(evidence: Evidence) -> None:
    other = f"{evidence.scenario.transcript_id}0"
    post(evidence.stand_ins, message(evidence) + "0")
    assert broken(replace(refreshed(evidence), beside=frozenset({other}))) == []


def test_webhooks_of_one_attempt_and_one_event_id(evidence: Evidence) -> None:
    body = payload(evidence.scenario, dict(evidence.output))
    deliver(evidence.stand_ins, {**body, "event_id": "2"})
    assert broken(refreshed(evidence)) == ["event ids of transcript.completed", "webhooks"]
    again = run_with_ids(send_webhook=1)
    deliver(again.stand_ins, body)
    assert broken(refreshed(again)) == []


def test_objects_are_written_once_an_attempt(evidence: Evidence) -> None:
    writes = writes_of(evidence)
    mixdown = next(key for key in writes if key.endswith("audio.mp3"))
    assert broken(evidence, {**writes, mixdown: 2}) == [f"writes of {mixdown}"]
    assert broken(evidence, {**writes, mixdown: 2}, Losses({"s3": 1})) == []
    assert broken(evidence, {**writes, "left/behind": 1}) == ["writes of other objects"]
    assert broken(evidence, {}) == [f"writes of {key}" for key in sorted(writes)]


def test_a_list_by_reference_is_written_once_an_attempt(evidence: Evidence) -> None:
    large = with_lists_by_reference(evidence)
    keys = sorted(list_keys(large.workflow, *LISTS))
    writes = {**writes_of(evidence), **dict.fromkeys(keys, 1)}

    assert broken(large, writes) == []
    assert broken(large, {**writes, keys[0]: 2}) == [f"writes of {keys[0]}"]
    assert broken(large, {**writes, keys[0]: 2}, Losses({"s3": 1})) == []
    assert broken(evidence, writes) == ["writes of other objects"]


def test_a_repair_drops_no_attempt(evidence: Evidence) -> None:
    mixdown = next(key for key in evidence.transcript_keys if key.endswith("audio.mp3"))
    name = "mixdown_tracks"
    task = {"taskId": "e", "taskDefName": name, "referenceTaskName": name, "startTime": 1}
    earlier = {"tasks": [task]}
    writes = {**writes_of(evidence), mixdown: 2}
    assert broken(evidence, writes, Losses(earlier=[earlier])) == []


@pytest.mark.parametrize("event", ["DURATION", "TOPIC", "FINAL_TITLE", "TRANSCRIPT"])
def test_events_that_are_missing_or_doubled(evidence: Evidence, event: str) -> None:
    events = list(evidence.events)
    without = [one for one in events if one[0] != event]
    doubled = [*events, *(one for one in events if one[0] == event)]
    assert broken(replace(evidence, events=without)) == [f"events {event}"]
    assert broken(replace(evidence, events=doubled)) == [f"events {event}"]
    status = [*events, ("STATUS", {"value": "ended"})]
    assert broken(replace(evidence, events=status)) == []


def test_an_equal_prompt_is_paid_for_once(evidence: Evidence) -> None:
    again = request_during(evidence, "generate_title", "Find a title")
    paid = replace(again, carried_out=True)
    twice = replace(evidence, requests=(*evidence.requests, paid, paid))
    assert broken(twice) == ["LLM calls with one prompt"]
    assert broken(twice, losses=Losses({"llm": 1})) == []
    refused = replace(paid, status=503)
    assert broken(replace(evidence, requests=(*evidence.requests, paid, refused))) == []


def gpu_call(evidence: Evidence, url: str) -> Any:
    one = request_during(evidence, "transcribe_track", "", service="modal")
    return replace(one, body=f'{{"audio_file_url": "{url}"}}'.encode(), carried_out=True)


def with_audio_urls(evidence: Evidence, url: str) -> Evidence:
    """Return the evidence with the URL of each branch's audio; `{}` is the track's index."""
    tasks = [
        {**task, "inputData": {"audio_url": url.format(task["referenceTaskName"][-1])}}
        if task["taskDefName"] == "transcribe_track"
        else task
        for task in evidence.workflow["tasks"]
    ]
    return replace(evidence, workflow={**evidence.workflow, "tasks": tasks})


def test_gpu_calls_of_meetings_beside_do_not_count(evidence: Evidence) -> None:
    own = with_audio_urls(evidence, "http://s3.test/transcripts/t/{}.webm?sig=1")
    other = [gpu_call(own, f"http://s3.test/transcripts/u/{n}.webm") for n in range(9)]
    signed_again = [gpu_call(own, f"http://transcripts.s3.test/t/{n}.webm?sig=2") for n in range(3)]
    busy = replace(own, beside=frozenset({"u"}), requests=(*own.requests, *other, *signed_again))
    assert broken(busy) == []
    doubled = replace(busy, requests=(*busy.requests, signed_again[0]))
    assert broken(doubled) == ["GPU calls", "GPU calls of one track"]


def test_a_step_that_never_ran_has_no_effect(evidence: Evidence) -> None:
    tasks = [
        {**task, "startTime": 0, "status": "CANCELED"}
        if task["taskDefName"] in {"post_zulip", "send_webhook", "mixdown_tracks"}
        else task
        for task in evidence.workflow["tasks"]
    ]
    broken_off = replace(evidence, workflow={**evidence.workflow, "tasks": tasks})
    mixdown = next(key for key in evidence.transcript_keys if key.endswith("audio.mp3"))
    assert broken(broken_off) == [
        f"writes of {mixdown}",
        "Zulip messages",
        "webhooks",
        "events DURATION",
    ]


def test_a_timed_out_attempt_may_have_posted(evidence: Evidence) -> None:
    post(evidence.stand_ins, message(evidence))
    late = {
        "taskId": "late",
        "taskDefName": "post_zulip",
        "referenceTaskName": "post_zulip",
        "startTime": 1,
        "status": "TIMED_OUT",
    }
    tasks = [late, *evidence.workflow["tasks"]]
    again = replace(refreshed(evidence), workflow={**evidence.workflow, "tasks": tasks})
    assert broken(again) == []


def test_a_second_delivery_is_another_attempt(evidence: Evidence) -> None:
    mixdown = next(key for key in evidence.transcript_keys if key.endswith("audio.mp3"))
    tasks = evidence.workflow["tasks"]
    task = next(one for one in tasks if one["taskDefName"] == "mixdown_tracks")
    twice = {**writes_of(evidence), mixdown: 2}
    assert broken(evidence, twice, Losses(redelivered=[task["taskId"]])) == []
    assert broken(evidence, twice, Losses(redelivered=["other"])) == [f"writes of {mixdown}"]


def test_a_group_of_words_is_paid_for_once(evidence: Evidence) -> None:
    transcript = " ".join(word["word"] for word in evidence.output["all_words"])
    asked = [
        replace(request_during(evidence, "detect_topics", f"{n}: {transcript}"), carried_out=True)
        for n in range(2)
    ]
    once = replace(evidence, requests=(*evidence.requests, asked[0]))
    assert broken(once) == []
    twice = replace(once, requests=(*once.requests, asked[1]))
    assert broken(twice) == ["LLM calls with groups of words"]
    unanswered = replace(asked[1], status=None, carried_out=False)
    assert broken(replace(once, requests=(*once.requests, unanswered, unanswered))) == []


def test_a_recorders_own_file_may_need_no_padding(evidence: Evidence) -> None:
    scenario = replace(evidence.scenario, key_patterns=("a", "b", "c"))
    mixdown = next(key for key in evidence.transcript_keys if key.endswith("audio.mp3"))
    assert broken(replace(evidence, scenario=scenario), {mixdown: 1}) == []
    assert broken(replace(evidence, scenario=scenario), {mixdown: 2}) == [f"writes of {mixdown}"]


def test_hidden_rows_and_events_leave_the_effects_outside_to_be_judged(
    evidence: Evidence,
) -> None:
    hidden = replace(evidence, transcript=unavailable_row(), events=unavailable_events())
    checks = {check.id: check for check in ledger.checks(hidden)}
    assert checks["effects.outside"].passed
    assert checks["effects.stored"].not_visible == "rows"


def test_a_track_is_transcribed_once(evidence: Evidence) -> None:
    def call(url: str) -> Any:
        return gpu_call(evidence, url)

    once = [call(f"http://s3.test/t/{n}.webm?signature=1") for n in range(3)]
    assert broken(replace(evidence, requests=(*evidence.requests, *once))) == []
    again = call("http://s3.test/t/2.webm?signature=2")
    twice = (*evidence.requests, *once, again)
    assert broken(replace(evidence, requests=twice)) == ["GPU calls", "GPU calls of one track"]
    workflow = run_with_ids(transcribe_track=1).workflow
    assert broken(replace(evidence, requests=twice, workflow=workflow)) == []
    thrice = replace(evidence, requests=(*twice, again), workflow=workflow)
    assert broken(thrice) == ["GPU calls", "GPU calls of one track"]


def test_the_row_has_each_participant_and_topic_once(evidence: Evidence) -> None:
    row = {**evidence.transcript, "participants": '[{"id": 1}, {"id": 2}, {"id": 2}, {"id": 3}]'}
    assert broken(replace(evidence, transcript=row)) == ["participants in the row"]
    topics = {**evidence.transcript, "topics": list(evidence.output["topics"]) * 2}
    assert broken(replace(evidence, transcript=topics)) == ["topics in the row"]
    assert broken(with_output(evidence, topics=[])) == ["events TOPIC"]


def test_a_count_says_what_is_allowed() -> None:
    assert str(EffectCount("webhooks", 3, 1, 2)) == "webhooks: 3, 1 to 2 allowed"
    assert str(EffectCount("webhooks", 2, 1, 1)) == "webhooks: 2, 1 allowed"
    one = EffectCount("messages", 2, 1, 1, task="post_zulip", attempts=1)
    assert str(one) == "messages: 2, 1 allowed with 1 attempt at post_zulip"
    none = EffectCount("messages", 2, 0, 0, task="post_zulip")
    assert str(none) == "messages: 2, 0 allowed with no attempt at post_zulip"
