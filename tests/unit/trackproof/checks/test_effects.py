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
from trackproof.checks.effects import EffectCount, Losses, count_effects
from trackproof.runs.evidence import Evidence
from trackproof.runs.stored_lists import LISTS, list_keys


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
    evidence = run_with_ids()
    post(evidence.stand_ins, message(evidence))
    return refreshed(evidence)


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
    assert broken(refreshed(run_with_ids())) == ["Zulip messages"]
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
    for _ in range(2):
        post(evidence.stand_ins, message(evidence))
    assert broken(refreshed(evidence)) == ["Zulip messages"]
    assert broken(refreshed(evidence), losses=Losses(interrupted=True)) == []


def test_a_message_about_another_meeting_does_not_count(evidence: Evidence) -> None:
    post(evidence.stand_ins, message(evidence) + "0")
    assert broken(refreshed(evidence)) == []


def test_webhooks_of_one_attempt_and_one_event_id(evidence: Evidence) -> None:
    body = payload(evidence.scenario, dict(evidence.output))
    deliver(evidence.stand_ins, {**body, "event_id": "2"})
    assert broken(refreshed(evidence)) == ["event ids of transcript.completed", "webhooks"]
    again = run_with_ids(send_webhook=1)
    post(again.stand_ins, message(again))
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


def test_a_track_is_transcribed_once(evidence: Evidence) -> None:
    def call(url: str) -> Any:
        one = request_during(evidence, "transcribe_track", "", service="modal")
        body = f'{{"audio_file_url": "{url}"}}'.encode()
        return replace(one, body=body, carried_out=True)

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
