"""Clauses of contracts/tasks/detect_topics.yaml."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from fixtures_audio import VOCABULARY
from trackproof.contracts.load import field_names, load_contracts
from trackproof.runs.task_run import TaskRun
from trackproof.runs.word_order import texts_of as texts_in
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.llm_answers import llm_answers
from trackproof.suite.clauses.task_inputs import make_words, prompts
from trackproof.suite.harness import Harness
from trackproof.suite.run_rules.words import topic_groups
from trackproof.testbed.stand_ins.stand_ins import TRACER_WORDS

TASK = "detect_topics"
CHUNK = int(load_contracts().tasks[TASK].constants["words_per_call"])

Word = dict[str, Any]


def detect_topics(harness: Harness, words: list[Word]) -> TaskRun:
    meeting = harness.meeting()
    return harness.run_task(
        TASK, words=words, transcript_id=meeting.transcript_id, target_language="en"
    )


def topics_of(run: TaskRun) -> list[dict[str, Any]]:
    return run.output.get("topics") or []


def titles_of(run: TaskRun) -> list[Any]:
    return [topic.get("title") for topic in topics_of(run)]


def texts_of(words: Sequence[Mapping[str, Any]]) -> list[str]:
    return [word["word"] for word in words]


@pytest.mark.clause("detect_topics.chunks")
@pytest.mark.parametrize("count", [CHUNK, CHUNK + 1, 2 * CHUNK + 50])
def test_each_chunk_is_in_one_prompt(count: int, harness: Harness) -> None:
    words = make_words(count)

    run = detect_topics(harness, words)

    all_prompts = prompts(run)
    for number, chunk in enumerate(topic_groups(words), start=1):
        matches = [prompt for prompt in all_prompts if prompt.has(texts_of(chunk))]
        expect(len(matches), f"prompts that contain the words of chunk {number} in order").equals(1)


@pytest.mark.clause("detect_topics.chunks")
def test_repeated_words_and_words_of_any_script_reach_the_llm(harness: Harness) -> None:
    words = make_words(CHUNK)
    prefix = words[0]["word"]
    for number, word in enumerate(words):
        word["word"] = (f"{prefix}again", f"{prefix}é{number}", f"東京{prefix}ñ{number}")[
            number % 3
        ]
    for word in words[150:]:  # 18,000 characters in all
        word["word"] += "x" * 80

    run = detect_topics(harness, words)

    [prompt] = prompts(run)
    expect(prompt.has(texts_of(words)), "the prompt has every word, in order").equals(True)


NAMES = {
    "en": r"en|english",
    "fr": r"fr|french|français",
    "zh-Hant": r"zh[-_]hant|traditional chinese|chinese \(traditional\)",
}
"""How a prompt may name a language: by its tag or its name."""


@pytest.mark.clause("detect_topics.language")
@pytest.mark.parametrize("language", NAMES)
def test_each_prompt_names_the_target_language(language: str, harness: Harness) -> None:
    run = harness.run_task(
        TASK,
        words=make_words(CHUNK + 1),
        transcript_id=harness.meeting().transcript_id,
        target_language=language,
    )

    requests = [" ".join(texts_in(one.json)) for one in run.requests_to("llm")]
    silent = [
        one for one in requests if not re.search(rf"(?i)(?<!\w)({NAMES[language]})(?!\w)", one)
    ]
    expect(len(requests), "calls to the LLM").equals(2)
    expect(silent, f"prompts that do not name {language}").equals([])


@pytest.mark.clause("detect_topics.calls")
@pytest.mark.parametrize("count", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 50])
def test_each_chunk_costs_one_llm_call(count: int, harness: Harness) -> None:
    run = detect_topics(harness, make_words(count))

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(len(run.requests_to("llm")), "calls to the LLM").equals(math.ceil(count / CHUNK))


@pytest.mark.clause("detect_topics.calls")
def test_second_run_with_the_same_words_makes_no_call(harness: Harness) -> None:
    words = make_words(20)
    first = detect_topics(harness, words)
    expect(len(first.requests_to("llm")), "calls to the LLM in the first run").equals(1)

    second = detect_topics(harness, words)

    expect(second.statuses, "attempt statuses of the second run").equals(["COMPLETED"])
    expect(titles_of(second), "titles of the second run").equals(titles_of(first))
    expect(second.requests_to("llm"), "calls to the LLM in the second run").equals([])


@pytest.mark.clause("detect_topics.events")
@pytest.mark.parametrize("text", [None, "One title for all"])
def test_each_topic_is_emitted(text: str | None, harness: Harness) -> None:
    """Topics of the same title too."""
    if text is not None:
        harness.break_service("llm", text=text)
    words = make_words(620)
    for word in words:  # no whole seconds
        word["start"], word["end"] = word["start"] + 0.375, word["end"] + 0.375

    run = detect_topics(harness, words)

    fields = field_names(load_contracts().events["TOPIC"])
    expect(run.emitted("TOPIC"), "TOPIC events").has(
        [{name: topic.get(name) for name in fields} for topic in topics_of(run)]
    )
    expect(len(topics_of(run)), "number of topics").equals(3)


@pytest.mark.clause("detect_topics.complete")
def test_each_topic_has_title_summary_and_time(harness: Harness) -> None:
    words = make_words(620)
    for word in words:  # no whole seconds, and a word that ends after all others of its chunk
        word["start"], word["end"] = word["start"] + 0.125, word["end"] + 0.125
    words[10]["end"] = 160.375
    chosen = random.Random(words[0]["word"])  # so that titles have several words
    for word in words[::12]:
        word["word"] = chosen.choice(sorted(set(VOCABULARY) - TRACER_WORDS))

    run = detect_topics(harness, words)

    topics = topics_of(run)
    times = [(topic.get("timestamp"), topic.get("duration")) for topic in topics]
    expect(times, "timestamp and duration of each topic").equals(
        [
            (chunk[0]["start"], max(word["end"] for word in chunk) - chunk[0]["start"])
            for chunk in topic_groups(words)
        ]
    )
    incomplete = [one for one in topics if not (one.get("title") and one.get("summary"))]
    expect(incomplete, "topics without title or summary").equals([])
    ids = [topic.get("id") for topic in topics]
    expect(len(set(map(str, ids))), "distinct ids").equals(len(topics))
    answers = llm_answers(run)
    for field in ("title", "summary"):
        texts = [topic.get(field) for topic in topics]
        foreign = [text for text in texts if not answers.has(text)]
        expect(foreign, f"{field} that the LLM has not given as a whole").equals([])
    same = [topic for topic in topics if topic.get("title") == topic.get("summary")]
    expect(same, "topics whose summary is their title").equals([])


@pytest.mark.clause("detect_topics.stored")
def test_every_topic_is_stored(harness: Harness) -> None:
    run = detect_topics(harness, make_words(620))

    expect(len(topics_of(run)), "number of topics").equals(3)
    expect(run.transcript.get("topics"), "topics in the transcript row").equals(topics_of(run))

    empty = harness.run_task(TASK, words=[], transcript_id=run.sent["transcript_id"])

    expect(empty.transcript.get("topics"), "topics in the row of words without any").equals([])


@pytest.mark.clause("detect_topics.large-meeting")
def test_every_word_of_a_large_meeting_reaches_the_llm(harness: Harness) -> None:
    words = make_words(20 * CHUNK)

    run = detect_topics(harness, words)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(len(run.requests_to("llm")), "calls to the LLM").equals(20)
    stored = run.transcript.get("topics") or []
    expect(stored, "topics in the transcript row").equals(topics_of(run))
    expect(len(run.emitted("TOPIC")), "TOPIC events").equals(20)
    all_prompts = prompts(run)
    missing = [
        number
        for number, chunk in enumerate(topic_groups(words), start=1)
        if not any(prompt.has(texts_of(chunk)) for prompt in all_prompts)
    ]
    expect(missing, "chunks that are in no prompt").equals([])
