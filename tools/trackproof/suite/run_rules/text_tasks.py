"""Agreements of the tasks that make words, topics, title and summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

from trackproof.checks.llm import prompt
from trackproof.contracts.load import load_contracts
from trackproof.runs.task_run import TaskRun
from trackproof.runs.word_order import WordText, texts_of
from trackproof.suite.run_rules.comparison import compare_events, compare_row, cut
from trackproof.suite.run_rules.visibility import Visibility
from trackproof.suite.run_rules.words import (
    are_same,
    is_sorted,
    topic_groups,
    topic_spans,
    transcribed_texts,
)
from trackproof.testbed.stand_ins.ledger import parse_json

SPAN_TOLERANCE = 0.01
"""Seconds; a fleet may round a topic's times."""

SEARCHED_CHARACTERS = 200_000
"""Longer prompts and answers are not searched: other clauses are about large meetings."""


def transcribe_track(run: TaskRun, see: Visibility) -> Iterator[str]:
    """Every word of the service is there, of the track's speaker; the request is the input's."""
    index, words = run.sent["track_index"], run.output["words"]
    if run.output["track_index"] != index:
        yield f"track_index is {run.output['track_index']}, not {index}"
    others = [one for one in words if one.get("speaker") != index]
    if others:
        yield f"{cut(others[0])} is not of speaker {index}"
    requests = run.requests_to("modal") if see.requests else []
    texts = transcribed_texts(requests)
    if texts is not None and len(texts) != len(words):
        yield f"{len(words)} words, the service gave {len(texts)}"
    language, source = run.sent.get("language") or "en", _path(run.sent["audio_url"])
    for body in (one.json for one in requests):
        if isinstance(body, dict):
            if body.get("language", "en") != language:
                yield f"requested in {cut(body.get('language'))}, not in {language}"
            if _path(str(body.get("audio_file_url"))) != source:
                yield f"requested was {cut(body.get('audio_file_url'))}, not {source}"


def _path(url: str) -> str:
    return unquote(urlsplit(url).path)


def merge_transcripts(run: TaskRun, see: Visibility) -> Iterator[str]:
    """Output, row and event have all words of the input, in order."""
    tracks = run.sent["transcripts"]
    listed = list(tracks.values()) if isinstance(tracks, Mapping) else tracks
    given = [word for track in listed for word in track["words"]]
    words = run.output["all_words"]
    if run.output["word_count"] != len(words):
        yield f"word_count is {run.output['word_count']}, all_words has {len(words)}"
    if not are_same(words, given):
        yield f"all_words are not the {len(given)} words of the tracks"
    if not is_sorted(words):
        yield "all_words are not in the order of start and speaker"
    row, text = {"words": words}, " ".join(one["word"] for one in words)
    yield from compare_row(run, see, row)
    yield from compare_events(run, see, "TRANSCRIPT", [{"text": text}], row)


def detect_topics(run: TaskRun, see: Visibility) -> Iterator[str]:
    """Each topic is of a group of words, has an id of its own, and is one of the LLM's."""
    topics = run.output["topics"]
    spans = list(topic_spans(run.sent["words"]))
    for topic in topics:
        start, seconds = topic["timestamp"], topic["duration"]
        if not any(
            abs(start - begin) < SPAN_TOLERANCE and abs(seconds - length) < SPAN_TOLERANCE
            for begin, length in spans
        ):
            yield f"a topic at {start} s of {seconds} s is of no group of words"
    if len({str(one["id"]) for one in topics}) != len(topics):
        yield "two topics have one id"
    yield from compare_row(run, see, {"topics": topics})
    yield from compare_events(run, see, "TOPIC", topics, {"topics": topics})
    yield from _answered(run, see, [one["title"] for one in topics])
    yield from _groups_prompted(run, see)


def generate_title(run: TaskRun, see: Visibility) -> Iterator[str]:
    """The title is the LLM's, which read every topic; row and event have it."""
    topics, title = run.sent["topics"], run.output["title"]
    untitled = load_contracts().tasks[run.task].constants["title_without_topics"]
    if not topics and title != untitled:
        yield f"the title without topics is {cut(title)}"
    yield from compare_row(run, see, {"title": title})
    yield from compare_events(run, see, "FINAL_TITLE", [{"title": title}], {"title": title})
    if topics:
        yield from _answered(run, see, [title])
    yield from _prompted(run, see, [one[name] for one in topics for name in ("title", "summary")])


def generate_summary(run: TaskRun, see: Visibility) -> Iterator[str]:
    """Row and events have both summaries, which the LLM wrote about every word."""
    long, short = run.output["summary"], run.output["short_summary"]
    if not run.sent["words"] and (long or short):
        yield "there is a summary of no words"
    if run.sent["words"] and see.requests and not run.requests_to("llm") and not (long and short):
        yield f"{len(run.sent['words'])} words are summarised by nothing, without a call"
    row = {"long_summary": long, "short_summary": short}
    yield from compare_row(run, see, row)
    for name, text in row.items():
        yield from compare_events(run, see, f"FINAL_{name.upper()}", [{name: text}], row)
    yield from _answered(run, see, [short])


def _groups_prompted(run: TaskRun, see: Visibility) -> Iterator[str]:
    """Yield each group of words that no prompt has whole and in order, if none was cached."""
    requests = run.requests_to("llm") if see.requests else []
    texts = list(map(prompt, requests))
    if len(requests) < _full_number(run) or sum(map(len, texts)) > SEARCHED_CHARACTERS:
        return
    prompts = list(map(WordText, texts))
    for number, group in enumerate(topic_groups(run.sent["words"]), 1):
        words = [word["word"] for word in group]
        if not any(one.has(words) for one in prompts):
            yield f"the {len(words)} words of group {number} are in no prompt, whole and in order"


def _answered(run: TaskRun, see: Visibility, texts: Sequence[str]) -> Iterator[str]:
    """Yield each text that is in no answer of the LLM, if every answer of the run is known."""
    requests = run.requests_to("llm") if see.requests else []
    if not requests or any(one.status != HTTPStatus.OK or one.faulted for one in requests):
        return
    answers = [text for one in requests for text in texts_of(parse_json(one.response))]
    if sum(map(len, answers)) > SEARCHED_CHARACTERS or len(requests) < _full_number(run):
        return
    known = WordText(*answers)
    yield from (f"{cut(text)} is in no answer of the LLM" for text in texts if not known.has(text))


def _full_number(run: TaskRun) -> int:
    """Return the number of calls if no answer was cached; the others need one to show that."""
    return len(list(topic_spans(run.sent["words"]))) if run.task == "detect_topics" else 1


def _prompted(run: TaskRun, see: Visibility, texts: Sequence[Any]) -> Iterator[str]:
    """Yield each text that is in no prompt of a run that asked the LLM."""
    requests = run.requests_to("llm") if see.requests else []
    prompts = list(map(prompt, requests))
    if not prompts or sum(map(len, prompts)) > SEARCHED_CHARACTERS:
        return
    known = WordText(*prompts)
    yield from (
        f"{cut(text)} of the input is in no prompt" for text in texts if not known.has(str(text))
    )
