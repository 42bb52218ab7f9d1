"""LLM: every chunk reaches it, in the number of calls that the contract states."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from trackproof.checks.visibility import if_visible
from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence
from trackproof.runs.word_order import WordText
from trackproof.testbed.stand_ins.ledger import Request
from trackproof.testbed.stand_ins.llm_answers.chat_request import message_texts
from trackproof.testbed.stand_ins.stand_ins import TRACER_WORDS

TITLE_CALLS = 1


def checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the checks on the LLM's requests and on the use of its answers."""
    topic_calls = evidence.requests_during("llm", "detect_topics")
    yield _topic_calls(evidence, topic_calls)
    yield _chunks(evidence, topic_calls)
    yield _summary_calls(evidence)
    yield if_visible("llm.tracers", _tracers, evidence)


def _words_per_call(evidence: Evidence) -> int:
    return int(evidence.contracts.tasks["detect_topics"].constants["words_per_call"])


def _topic_calls(evidence: Evidence, calls: Sequence[Request]) -> Check:
    words = len(evidence.scenario.meeting.truth())
    expected = math.ceil(words / _words_per_call(evidence))
    return Check(
        "llm.topic_calls",
        len(calls) == expected,
        f"{len(calls)} calls for {words} words, {expected} expected",
    )


def _chunks(evidence: Evidence, calls: Sequence[Request]) -> Check:
    """Each chunk of words must appear in one prompt, complete and in order, in any format."""
    prompts = [WordText(prompt(call)) for call in calls]
    groups = chunks(evidence)
    sent = sum(any(text.has(chunk) for text in prompts) for chunk in groups)
    return Check(
        "llm.chunks",
        bool(groups) and sent == len(groups),
        f"{sent} of {len(groups)} chunks in the prompts",
    )


def chunks(evidence: Evidence) -> list[list[str]]:
    """Return the groups of words that each take one call."""
    texts = [word["word"] for word in evidence.output.get("all_words") or []]
    size = _words_per_call(evidence)
    return [texts[first : first + size] for first in range(0, len(texts), size)]


def _summary_calls(evidence: Evidence) -> Check:
    calls = evidence.requests_during("llm", "generate_title", "generate_summary")
    most = int(evidence.contracts.tasks["generate_summary"].constants["most_subjects"])
    allowed = {TITLE_CALLS + 2 + 2 * subjects: subjects for subjects in range(1, most + 1)}
    subjects = allowed.get(len(calls))
    if subjects is None:
        return Check(
            "llm.summary_calls",
            passed=False,
            detail=f"{len(calls)} calls for title and summary are not {TITLE_CALLS} + 2 + 2 · N "
            f"for N from 1 to {most} subjects",
        )
    return Check(
        "llm.summary_calls",
        passed=True,
        detail=f"{len(calls) - TITLE_CALLS} calls = 2 + 2 · {subjects}, "
        f"{TITLE_CALLS} for the title",
    )


def _tracers(evidence: Evidence) -> Check:
    """Spoken tracer words must appear in everything derived from the transcript."""
    spoken = {word.text for word in evidence.scenario.meeting.truth()} & TRACER_WORDS
    transcript = evidence.transcript
    texts = {
        "topics": str(evidence.output.get("topics")),
        "title": str(transcript.get("title")),
        "long summary": str(transcript.get("long_summary")),
        "short summary": str(transcript.get("short_summary")),
        "Zulip": " ".join(message.content for message in evidence.stand_ins.zulip.messages()),
        "webhook": " ".join(
            request.body.decode(errors="replace")
            for request in evidence.stand_ins.webhook.deliveries()
        ),
    }
    lost = [
        f"{', '.join(sorted(missing))} not in {name}"
        for name, text in texts.items()
        if (missing := {tracer for tracer in spoken if tracer not in text.lower()})
    ]
    return Check.of(
        "llm.tracers",
        lost if spoken else ["no tracer was spoken"],
        otherwise=f"{', '.join(sorted(spoken))} appear in {', '.join(texts)}",
    )


def prompt(request: Request) -> str:
    """Return the text of all messages in a request for a completion."""
    body = request.json or {}
    return "\n".join(message_texts([*body.get("messages", []), {"content": body.get("prompt")}]))
