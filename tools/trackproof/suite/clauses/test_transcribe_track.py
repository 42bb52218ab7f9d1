"""Clauses of contracts/tasks/transcribe_track.yaml."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trackproof.lab import RECORDING_BUCKET
from trackproof.runs.equality import has_value
from trackproof.runs.ids import new_id
from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.odd_texts import ODD_TEXTS, UNCLEAN_TEXTS
from trackproof.suite.clauses.outside_calls import fresh_seed
from trackproof.suite.clauses.storage import PRESIGN_SECONDS
from trackproof.suite.harness import Harness

TASK = "transcribe_track"

Word = dict[str, Any]

UNCLEAN = {
    "hi\ud83d": "hi\N{REPLACEMENT CHARACTER}",
    "nul\x00l": "null",
    "${workflow.input}": "${workflow.input}",
    "<b>&amp;": "<b>&amp;",
}
"""Words of a recogniser and what should come of them."""


def transcribe(harness: Harness, meeting: Scenario, track: int = 0, **fields: Any) -> TaskRun:
    url = harness.testbed.s3.presign(
        RECORDING_BUCKET, meeting.track_keys[track], expires_in=PRESIGN_SECONDS
    )
    payload = {"track_index": track, "audio_url": url, "language": "en"}
    return harness.run_task(TASK, {**payload, "transcript_id": meeting.transcript_id, **fields})


def transcribe_answer(harness: Harness, **answer: Any) -> TaskRun:
    """Run the task on a new meeting; the transcription service answers with these fields."""
    meeting = harness.meeting(seed=fresh_seed())
    harness.break_service("modal", body=json.dumps(answer))
    return transcribe(harness, meeting)


def words_of(run: TaskRun) -> list[Word]:
    return run.output.get("words") or []


@pytest.mark.clause("transcribe_track.calls-modal")
@pytest.mark.parametrize("language", ["fr", "de"])
def test_one_call_has_url_and_language(language: str, harness: Harness) -> None:
    meeting = harness.meeting(seed=fresh_seed())

    run = transcribe(harness, meeting, language=language)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    calls = run.requests_to("modal")
    expect(len(calls), "calls to the transcription service").equals(1)
    expect(calls[0].json.get("language"), "language").equals(language)
    expect(calls[0].json.get("audio_file_url"), "audio_file_url").contains(meeting.track_keys[0])


@pytest.mark.clause("transcribe_track.calls-modal")
def test_second_run_of_the_same_track_makes_no_call(harness: Harness) -> None:
    meeting = harness.meeting(seed=fresh_seed())
    first = transcribe(harness, meeting)
    expect(words_of(first), "words of the first run").is_filled()

    second = transcribe(harness, meeting)

    expect(second.output, "output of the second run").equals(first.output)
    calls = len(first.requests_to("modal")) + len(second.requests_to("modal"))
    expect(calls, "calls to the transcription service in both runs").equals(1)


@pytest.mark.clause("transcribe_track.speaker")
def test_every_word_has_its_speaker_and_no_white_space(harness: Harness) -> None:
    meeting = harness.meeting(tracks=3, seed=fresh_seed(), offsets=[0, 0, 0])

    run = transcribe(harness, meeting, 2)

    spoken = [word.text for word in meeting.meeting.tracks[2].words]
    expect({word.get("speaker") for word in words_of(run)}, "speakers").equals({2})
    expect([word.get("word") for word in words_of(run)], "words").equals(spoken)
    expect(run.output.get("track_index"), "track_index").equals(2)


@pytest.mark.clause("transcribe_track.sorted")
def test_words_are_sorted_by_start(harness: Harness) -> None:
    words = [
        {"word": text, "start": start, "end": start + 0.1}
        for text, start in (("b", 2.0), ("a", 10.0), ("c", 1.0))
    ]

    run = transcribe_answer(harness, words=words)

    starts = [word.get("start") for word in words_of(run)]
    expect(starts, "start of each word").equals([1.0, 2.0, 10.0])


@pytest.mark.clause("transcribe_track.empty")
def test_track_without_speech_completes_without_words(harness: Harness) -> None:
    run = transcribe_answer(harness, text="", words=[])

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(run.output, "output").has({"words": [], "track_index": 0})
    again = harness.run_task(TASK, run.sent)
    expect(again.output, "output of a second run").equals(run.output)
    expect(again.requests_to("modal"), "calls of a second run").equals([])


@pytest.mark.clause("transcribe_track.large-meeting")
def test_10_000_words_are_returned_unchanged(harness: Harness) -> None:
    words = [
        {"word": f"word{index}", "start": index / 2, "end": index / 2 + 0.25}
        for index in range(10_000)
    ]

    run = transcribe_answer(harness, words=words)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(len(words_of(run)), "number of words").equals(len(words))
    changed = [
        word
        for word, returned in zip(words, words_of(run), strict=True)
        if not has_value(returned, {**word, "speaker": 0})
    ]
    expect(changed, "words that differ from the service's answer").equals([])


@pytest.mark.clause("transcribe_track.unusable-times")
@pytest.mark.parametrize(
    "times",
    [{}, {"start": None, "end": None}, {"start": "", "end": "soon"}],
    ids=["none", "null", "text"],
)
def test_a_word_without_times_stands_between_its_neighbours(
    times: dict[str, Any], harness: Harness
) -> None:
    words = [
        {"word": "owe", "start": 1.3, "end": 1.5},
        {"word": "2026,", **times},
        {"word": "now", "start": 2.4, "end": 2.6},
    ]

    run = transcribe_answer(harness, words=words)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect([word.get("word") for word in words_of(run)], "words").equals(["owe", "2026,", "now"])
    untimed = words_of(run)[1]
    start, end = float(untimed.get("start") or 0), float(untimed.get("end") or 0)
    expect((start, end), "times of the word without times").holds(
        1.3 <= start <= end <= 2.6,
        "a start and an end between its neighbours",
    )


@pytest.mark.clause("transcribe_track.unusable-times")
@pytest.mark.parametrize(("start", "end"), [(-0.02, 0.2), (126.66, 102.96), (-2.0, -1.0)], ids=str)
def test_an_impossible_time_costs_no_word(start: float, end: float, harness: Harness) -> None:
    run = transcribe_answer(harness, words=[{"word": "guys", "start": start, "end": end}])

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    words = words_of(run)
    expect(words, "words").holds(
        len(words) == 1 and 0 <= float(words[0]["start"]) <= float(words[0]["end"]),
        "one word, 0 <= start <= end",
    )


@pytest.mark.clause("transcribe_track.clean-text")
def test_text_that_stores_refuse_is_cleaned(harness: Harness) -> None:
    words = [{"word": text, "start": n, "end": n + 0.5} for n, text in enumerate(UNCLEAN)]

    run = transcribe_answer(harness, words=words)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect([word.get("word") for word in words_of(run)], "words").equals([*UNCLEAN.values()])


PHRASE = ["thanks", "for", "watching"]


def timed(texts: list[str], start: float = 0.0) -> list[Word]:
    return [
        {"word": text, "start": start + n * 0.25, "end": start + n * 0.25 + 0.2}
        for n, text in enumerate(texts)
    ]


RECOGNISED: dict[str, tuple[str, list[Word]]] = {
    "repeated phrase": (json.dumps(timed(PHRASE * 30)), timed(PHRASE * 30)),
    "equal word at one time": (
        json.dumps([*timed(["no"]), *timed(["no"]), *timed(["no"])]),
        [*timed(["no"]), *timed(["no"]), *timed(["no"])],
    ),
    "word in silence": (
        json.dumps([*timed(["hello"]), *timed(["you"], 3_725.5)]),
        [*timed(["hello"]), *timed(["you"], 3_725.5)],
    ),
    "overlap": (
        '[{"word": "long", "start": 1, "end": 9}, {"word": "in", "start": 2, "end": 3}]',
        [{"word": "long", "start": 1, "end": 9}, {"word": "in", "start": 2, "end": 3}],
    ),
    "blank words": (
        '[{"word": "", "start": 1, "end": 2}, {"word": " \\u00a0", "start": 1, "end": 2},'
        ' {"word": "\\t real \\n", "start": 2, "end": 3},'
        ' {"word": "\\u3000\\u2003", "start": 3, "end": 4},'
        ' {"word": "\\u3000東京\\u00a0", "start": 4, "end": 5}]',
        [
            {"word": "real", "start": 2, "end": 3},
            {"word": "東京", "start": 4, "end": 5},
        ],
    ),
    "end before start": (
        '[{"word": "guys", "start": 126.66, "end": 102.96}]',
        [{"word": "guys", "start": 126.66, "end": 126.66}],
    ),
    "negative times": (
        '[{"word": "hi", "start": -0.02, "end": 0.2}, {"word": "so", "start": -2, "end": -1}]',
        [{"word": "hi", "start": 0, "end": 0.2}, {"word": "so", "start": 0, "end": 0}],
    ),
    "only the end": (
        '[{"word": "a", "start": 1, "end": 2}, {"word": "b", "end": 3.5, "start": null}]',
        [{"word": "a", "start": 1, "end": 2}, {"word": "b", "end": 3.5}],
    ),
    "only the start": (
        '[{"word": "a", "start": 1}, {"word": "b", "start": 2.5, "end": null}]',
        [{"word": "a", "start": 1}, {"word": "b", "start": 2.5}],
    ),
    "times as text": (
        '[{"word": "b", "start": "10.5", "end": "11"}, {"word": "a", "start": "2.5", "end": "3"}]',
        [{"word": "a", "start": 2.5, "end": 3}, {"word": "b", "start": 10.5, "end": 11}],
    ),
    "overlap of equal words": (
        '[{"word": "no", "start": 1, "end": 3}, {"word": "no", "start": 2, "end": 4}]',
        [{"word": "no", "start": 1, "end": 3}, {"word": "no", "start": 2, "end": 4}],
    ),
    "negative time as text": (
        '[{"word": "hi", "start": "-0.5", "end": "0.25"}, {"word": "so", "start": "2", "end": 3}]',
        [{"word": "hi", "start": 0, "end": 0.25}, {"word": "so", "start": 2, "end": 3}],
    ),
    "untimed at both ends": (
        '[{"word": "head"}, {"word": "a", "start": 5, "end": 6}, {"word": "tail"},'
        ' {"word": "end", "start": null, "end": null}]',
        [{"word": "head"}, {"word": "a", "start": 5, "end": 6}, {"word": "tail"}, {"word": "end"}],
    ),
    "all untimed": (
        '[{"word": "one"}, {"word": "two"}, {"word": "three"}]',
        [{"word": "one"}, {"word": "two"}, {"word": "three"}],
    ),
    "odd texts": (json.dumps(timed([*ODD_TEXTS])), timed([*ODD_TEXTS])),
    "unclean texts": (json.dumps(timed([*UNCLEAN_TEXTS])), timed([*UNCLEAN_TEXTS.values()])),
    "long word": (json.dumps(timed(["é" * 65_536])), timed(["é" * 65_536])),
    "fractions": (
        '[{"word": "a", "start": 0.123, "end": 0.124}]',
        [{"word": "a", "start": 0.123, "end": 0.124}],
    ),
}
"""By kind: the list `words` of the service's answer, and what is promised of the result."""


def write_audio(harness: Harness, meeting: Scenario, count: int) -> list[str]:
    """Store files that no cache has seen, and return their URLs; a faulted service reads none."""
    s3 = harness.testbed.s3
    keys = [f"{meeting.room_name}/{index}" for index in range(count)]
    for key in keys:
        s3.client().put_object(Bucket=RECORDING_BUCKET, Key=key, Body=new_id().encode())
    return [s3.presign(RECORDING_BUCKET, key, expires_in=PRESIGN_SECONDS) for key in keys]


@pytest.mark.clause("transcribe_track.words")
def test_words_of_every_kind_stay_what_they_are(harness: Harness) -> None:
    meeting = harness.meeting()
    audio = write_audio(harness, meeting, len(RECOGNISED))
    for number, (kind, (answer, expected)) in enumerate(RECOGNISED.items()):
        harness.clear_faults()
        harness.break_service("modal", body=f'{{"words": {answer}}}')

        run = transcribe(harness, meeting, track_index=number, audio_url=audio[number])

        expect(run.statuses, f"attempt statuses, {kind}").equals(["COMPLETED"])
        expect(words_of(run), f"words, {kind}").has(
            [{**one, "speaker": number} for one in expected]
        )
        for word in words_of(run):
            expect(word, f"times, {kind}").holds(
                0 <= float(word.get("start", -1)) <= float(word.get("end", -1)), "0 <= start <= end"
            )


@pytest.mark.clause("transcribe_track.request")
def test_equal_audio_of_another_track_gets_that_speaker(harness: Harness) -> None:
    meeting = harness.meeting()
    [url] = write_audio(harness, meeting, 1)
    harness.break_service("modal", body='{"words": [{"word": "a", "start": 1, "end": 2}]}')

    run = transcribe(harness, meeting, audio_url=url, language="zh-Hant-TW")

    requests = run.requests_to("modal")
    expect(len(requests), "calls to the transcription service").equals(1)
    body = requests[0].json
    expect({**body, "audio_file_url": None}, "body but for the URL").equals(
        {"audio_file_url": None, "language": "zh-Hant-TW", "batch": True}
    )
    again = transcribe(harness, meeting, audio_url=url, language="zh-Hant-TW", track_index=63)
    expect(again.requests_to("modal"), "calls for equal audio of another track").equals([])
    expect(again.output, "output for another track").has(
        {"track_index": 63, "words": [{"word": "a", "start": 1, "end": 2, "speaker": 63}]}
    )


@pytest.mark.clause("transcribe_track.cache-key")
def test_audio_that_differs_at_its_end_only_is_transcribed_anew(harness: Harness) -> None:
    meeting = harness.meeting()
    s3 = harness.testbed.s3
    begin = new_id().encode() * 100_000
    for end in ("1", "2"):
        key = f"{meeting.room_name}/{end}"
        s3.client().put_object(Bucket=RECORDING_BUCKET, Key=key, Body=begin + end.encode())
        harness.clear_faults()
        harness.break_service(
            "modal", body=f'{{"words": [{{"word": "take{end}", "start": 1, "end": 2}}]}}'
        )
        url = s3.presign(RECORDING_BUCKET, key, expires_in=PRESIGN_SECONDS)

        run = transcribe(harness, meeting, audio_url=url)

        expect([word.get("word") for word in words_of(run)], "words").equals([f"take{end}"])


@pytest.mark.clause("transcribe_track.request")
def test_audio_that_only_the_service_can_read_is_transcribed(harness: Harness) -> None:
    meeting = harness.meeting()
    [url] = write_audio(harness, meeting, 1)
    harness.break_service("modal", body='{"words": [{"word": "a", "start": 1, "end": 2}]}')
    harness.break_service("s3", method="GET", status=403)

    run = transcribe(harness, meeting, audio_url=url)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect([word.get("word") for word in words_of(run)], "words").equals(["a"])
    expect(len(run.requests_to("modal")), "calls to the transcription service").equals(1)
