"""Clauses pass for a fleet that writes the same values as another language does.

The clause tests run here without a server: a harness hands them what such a fleet returns. A fleet
with an honest mistake in the same place fails.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode

import pytest

from trackproof.runs.task_run import Attempt, TaskRun
from trackproof.suite.assertions import ClauseViolation
from trackproof.suite.clauses import (
    test_detect_topics,
    test_finalize,
    test_generate_dynamic_fork_tasks,
    test_generate_title,
    test_get_recording,
    test_merge_transcripts,
    test_post_zulip,
)
from trackproof.suite.harness import Harness
from trackproof.suite.run_rules.words import topic_groups
from trackproof.testbed.stand_ins.ledger import Request

Answer = Mapping[str, Any]


def request(
    service: str, body: bytes = b"", *, form: bool = False, answer: object = None
) -> Request:
    """Return a request; `answer` is what the LLM's message has as JSON."""
    message = {"choices": [{"message": {"content": json.dumps(answer)}}]}
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    headers = (("content-type", kind),)
    response = json.dumps(message).encode()
    return Request(0, service, "POST", "/", {}, headers, body, 0.0, 200, response)


class FakeHarness:
    """Answers `run_task` with what a fleet in another language returns."""

    def __init__(
        self,
        output: Callable[[Answer], Answer],
        *,
        statuses: Sequence[str] = ("COMPLETED",),
        requests: Callable[[Answer], Sequence[Request]] = lambda _: (),
        events: Callable[[Answer, Answer], Sequence[tuple[str, Any]]] = lambda *_: (),
        row: Answer | None = None,
        rows: Callable[[Answer], Answer] | None = None,
    ) -> None:
        self._output, self._statuses = output, statuses
        self._requests, self._events = requests, events
        self._rows = rows or (lambda _: row or {})
        zulip = SimpleNamespace(message=lambda number: number)
        self.testbed = SimpleNamespace(stand_ins=SimpleNamespace(zulip=zulip))

    def meeting(self, **_: Any) -> Any:
        names = ("transcript_id", "recording_id", "room_id", "room_name", "session_id")
        return SimpleNamespace(**{name: f"{name}-1" for name in names})

    def break_service(self, service: str, **_: Any) -> None:
        """The answers are prepared."""

    def run_task(
        self, task: str, payload: Answer | None = None, *, retries: int = 0, **fields: Any
    ) -> TaskRun:
        sent = {**(payload or {}), **fields}
        output = json.loads(json.dumps(self._output(sent), sort_keys=True))
        attempts = tuple(
            Attempt(status, "", "w", retry, 0.0, 0.0, output)
            for retry, status in enumerate(self._statuses)
        )
        return TaskRun(
            task, sent, "w", "COMPLETED", attempts, self._events(sent, output),
            tuple(self._requests(sent)), self._rows(output), frozenset(), frozenset(), "", 0.0,
        )  # fmt: skip


def as_fleet(**answers: Any) -> Harness:
    return cast("Harness", FakeHarness(**answers))


def without_fractions(value: Any) -> Any:
    """Return a JSON value as Go and JavaScript write it: 3 for 3.0."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case Mapping():
            return {key: without_fractions(part) for key, part in value.items()}
        case list():
            return [without_fractions(part) for part in value]
        case _:
            return value


def merged(sent: Answer) -> Answer:
    tracks = sent["transcripts"]
    words = [
        word for track in getattr(tracks, "values", lambda: tracks)() for word in track["words"]
    ]
    words.sort(key=lambda word: (word["start"], word["speaker"]))
    more = [{**word, "confidence": 1} for word in without_fractions(words)]
    return {"all_words": more, "word_count": float(len(words)), "took_ms": 3}


def test_merged_words_may_have_whole_numbers_further_fields_and_any_order_of_keys() -> None:
    test_merge_transcripts.test_every_word_is_merged_once_and_counted(
        False, as_fleet(output=merged)
    )
    test_merge_transcripts.test_every_word_is_merged_once_and_counted(True, as_fleet(output=merged))
    test_merge_transcripts.test_every_word_keeps_its_speaker(as_fleet(output=merged))
    test_merge_transcripts.test_tracks_without_words_complete(as_fleet(output=merged))


def test_a_lost_word_is_noticed_all_the_same() -> None:
    def lossy(sent: Answer) -> Answer:
        return {**merged(sent), "all_words": merged(sent)["all_words"][1:]}

    with pytest.raises(ClauseViolation):
        test_merge_transcripts.test_every_word_is_merged_once_and_counted(
            False, as_fleet(output=lossy)
        )


def topics_of(sent: Answer) -> list[dict[str, Any]]:
    chunks = topic_groups(sent["words"])
    return [
        without_fractions(
            {
                "id": f"t{number}",
                "title": f"Topic {number}",
                "summary": f"About topic {number}.",
                "timestamp": chunk[0]["start"],
                # As a sum, whose last digits differ.
                "duration": (max(w["end"] for w in chunk) + 0.1) - (chunk[0]["start"] + 0.1),
                "language": "en",
            }
        )
        for number, chunk in enumerate(chunks)
    ]


def prompt_requests(sent: Answer) -> list[Request]:
    """Return a prompt for each chunk: a line for each speaker, with times, as JSON in it."""
    forms: list[Callable[[Sequence[Answer]], str]] = [
        lambda chunk: "\n".join(f"[{w['start']:.1f}] **{w['word'].upper()}**" for w in chunk),
        lambda chunk: json.dumps([{"w": w["word"], "s": w["speaker"]} for w in chunk]),
        lambda chunk: "".join(f"<p>{w['word']}</p>" for w in chunk),
    ]
    chunks = topic_groups(sent["words"])
    return [
        request(
            "llm",
            json.dumps(
                {"messages": [{"content": [{"type": "text", "text": forms[n % 3](chunk)}]}]}
            ).encode(),
            answer={"title": f"Topic {n}", "summary": f"About topic {n}."},
        )
        for n, chunk in enumerate(chunks)
    ]


def test_prompts_may_have_any_format_and_topics_any_number_form() -> None:
    fleet = as_fleet(
        output=lambda sent: {"topics": topics_of(sent)},
        requests=prompt_requests,
        rows=lambda output: {"topics": output["topics"]},
        events=lambda _, output: [
            ("TOPIC", {key: one[key] for key in sorted(one) if key != "language"} | {"seq": 1})
            for one in output["topics"]
        ],
    )

    test_detect_topics.test_each_chunk_is_in_one_prompt(650, fleet)
    test_detect_topics.test_each_topic_has_title_summary_and_time(fleet)
    test_detect_topics.test_each_topic_is_emitted(None, fleet)
    test_detect_topics.test_every_word_of_a_large_meeting_reaches_the_llm(fleet)


def test_a_word_lost_between_chunks_is_noticed_in_any_format() -> None:
    def lossy(sent: Answer) -> list[Request]:
        words = [word for index, word in enumerate(sent["words"]) if index != 299]
        return prompt_requests({"words": words})

    with pytest.raises(ClauseViolation):
        test_detect_topics.test_each_chunk_is_in_one_prompt(
            301, as_fleet(output=lambda sent: {"topics": []}, requests=lossy)
        )


def test_an_http_client_may_repeat_a_get_within_an_attempt() -> None:
    twice = as_fleet(
        output=lambda sent: {"id": sent["recording_id"]},
        requests=lambda _: [request("daily"), request("daily")],
    )
    test_get_recording.test_transient_error_of_daily_is_repeated({"drop": True}, twice)

    once = as_fleet(
        output=lambda sent: {"id": sent["recording_id"]}, requests=lambda _: [request("daily")]
    )
    with pytest.raises(ClauseViolation):
        test_get_recording.test_transient_error_of_daily_is_repeated({"drop": True}, once)


def test_a_second_attempt_may_repeat_it_as_well() -> None:
    fleet = as_fleet(
        output=lambda sent: {"id": sent["recording_id"]},
        statuses=("FAILED", "COMPLETED"),
        requests=lambda _: [request("daily"), request("daily")],
    )

    test_get_recording.test_transient_error_of_daily_is_repeated({"status": 503}, fleet)


def test_outputs_and_events_may_have_further_fields() -> None:
    row = {**test_finalize.STORED, "status": "ended", "updated_at": "2026-01-02T03:04:05Z"}
    fleet = as_fleet(
        output=lambda _: {"status": "COMPLETED", "version": 2},
        events=lambda *_: [("STATUS", {"value": "ended", "at": "2026-01-02T03:04:05Z"})],
        row=row,
    )

    test_finalize.test_transcript_status_becomes_ended(fleet)
    test_finalize.test_ended_is_emitted_with_the_result_stored(fleet)


def test_recordings_duration_may_be_a_float() -> None:
    fleet = as_fleet(
        output=lambda sent: {
            "id": sent["recording_id"],
            "mtg_session_id": "session_id-1",
            "room_name": "room_name-1",
            "duration": 9.0,
            "raw": {},
        },
        requests=lambda _: [request("daily")],
    )

    test_get_recording.test_output_equals_the_recording_in_daily(True, fleet)


def test_branches_may_come_in_any_order_with_further_fields() -> None:
    def fork(sent: Answer) -> Answer:
        names = [f"pad_track_{index}" for index in range(len(sent["tracks"]))]
        tasks = [
            {"name": "pad_track", "taskReferenceName": name, "type": "SIMPLE", "optional": False}
            for name in sorted(names, reverse=True)
        ]
        return {"tasks": tasks, "inputs": {name: {} for name in names}}

    test_generate_dynamic_fork_tasks.test_each_track_has_one_branch(12, as_fleet(output=fork))


def test_title_prompt_may_be_json() -> None:
    def prompt(sent: Answer) -> list[Request]:
        text = json.dumps(sent["topics"], indent=1)
        body = json.dumps({"messages": [{"content": text}]}).encode()
        return [request("llm", body, answer={"name": "T"})]

    fleet = as_fleet(output=lambda _: {"title": "T"}, requests=prompt)

    test_generate_title.test_prompt_contains_title_and_summary_of_every_topic(fleet)


def test_zulip_message_may_be_html() -> None:
    texts = map(html.escape, test_post_zulip.FINISHED.values())
    content = "".join(f"<p><b>{text}</b></p>\n" for text in texts)
    form = {"type": "stream", "to": "meetings", "topic": "transcripts", "content": content}
    body = urlencode(form)
    fleet = as_fleet(
        output=lambda _: {"message_id": "7"},
        requests=lambda _: [request("zulip", body.encode(), form=True)],
    )

    test_post_zulip.test_one_message_with_title_and_summaries_is_posted(fleet)
