"""Clauses `send_webhook.content`, `.captions`, `.room` and `.answers`: the payload in full."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Any

import pytest

from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.harness import Harness

TASK = "send_webhook"

Word = dict[str, Any]

NAMES = {
    1: "Zoë & <b>Ann</b>",
    0: unicodedata.normalize("NFD", "Renée “R” Ó"),
    2: "שרה",
}
"""Names by speaker, not in the order of the speakers."""

SPOKEN = ("a&b", "<i>one</i>", "x-->y", "été", "&amp;", "東京", "☕", "plain", "O'Neill", '"q"')

HOUR = 3_725.5
"""Start of the last word: beyond an hour, and not at a whole second."""


def make_words() -> list[Word]:
    words = [
        {
            "word": f"{text} w{number}",
            "start": 0.25 + number * 61.125,
            "end": 0.75 + number * 61.125,
            "speaker": number % 3,
        }
        for number, text in enumerate(SPOKEN)
    ]
    # One turn, whose first word ends after its last.
    turn = [
        {"word": "hold w11", "start": 400.0, "end": 404.5, "speaker": 2},
        {"word": "in w12", "start": 400.5, "end": 401.0, "speaker": 2},
    ]
    late = {"word": "late w10", "start": HOUR, "end": HOUR + 0.5, "speaker": 1}
    return sorted([*words, *turn, late], key=lambda word: word["start"])


def make_topics(words: list[Word]) -> list[dict[str, Any]]:
    """Return topics that each begin with a word and end before the next one's begins."""
    starts = [word["start"] for word in words[::2]]
    ends = [*(start - 0.125 for start in starts[1:]), HOUR + 10]
    return [
        {
            "id": f"t{number}",
            "title": f"Topic {number} & <{number}>",
            "summary": f"Said “{number}” – all of it.",
            "timestamp": start,
            "duration": end - start,
        }
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def finished() -> dict[str, Any]:
    words = make_words()
    return {
        "title": "Tides & <b>tables</b>: “água”, 東京, ☕",
        "short_summary": "A recap: 5 < 6 && 'so on'.",
        "long_summary": "# All of it\n\n* one\n* two\n" + "at length " * 800,
        "duration": HOUR + 0.75,
        "words": words,
        "topics": make_topics(words),
        "participants": [
            *(
                {"id": f"p{speaker}", "name": name, "speaker": speaker}
                for speaker, name in NAMES.items()
            ),
            {"id": "p9", "name": None, "speaker": None},
        ],
    }


def send(harness: Harness, meeting: Scenario, room_id: object) -> TaskRun:
    return harness.run_task(TASK, transcript_id=meeting.transcript_id, room_id=room_id)


def body_of(run: TaskRun) -> dict[str, Any]:
    deliveries = run.requests_to("webhook")
    expect(len(deliveries), "number of deliveries").equals(1)
    body = deliveries[0].json
    expect(isinstance(body, dict), "body is a JSON object").equals(True)
    return dict(body)


def cues(captions: str) -> list[tuple[float, float, str]]:
    """Return start, end and raw text of each cue; raise a ClauseViolation where one is none."""
    found = []
    for block in re.split(r"\n[ \t]*\n", captions.replace("\r\n", "\n").strip())[1:]:
        lines = block.split("\n")
        at = next((n for n, line in enumerate(lines) if "-->" in line), None)
        if at is None:  # a comment or a style
            continue
        times = re.findall(r"(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})", lines[at])
        expect(lines[at], "times of a cue").holds(len(times) == 2, "two times as in WebVTT")
        start, end = (
            int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int(ms) / 1000
            for hours, minutes, seconds, ms in times
        )
        found.append((start, end, "\n".join(lines[at + 1 :])))
    return found


def plain(text: str) -> str:
    """Return a cue's text without tags, entities resolved."""
    return " ".join(html.unescape(re.sub(r"</?[vcibu][^>]*>|<[\d:.]+>", " ", text)).split())


@pytest.mark.clause("send_webhook.content")
def test_every_field_is_that_of_the_row(harness: Harness) -> None:
    columns = finished()
    meeting = harness.meeting(**columns)
    row = harness.task_runner.transcript(meeting.transcript_id)

    body = body_of(send(harness, meeting, meeting.room_id))

    sent = body.get("transcript") or {}
    names = ("title", "short_summary", "long_summary", "duration", "participants")
    expected = {
        "id": meeting.transcript_id,
        "room_id": meeting.room_id,
        **{name: columns[name] for name in names},
    }
    expect({name: sent.get(name) for name in expected}, "transcript").equals(expected)
    if harness.fleet.exposes_rows:
        expect(sent.get("status"), "status").holds(
            sent.get("status") in {"ended", row.get("status")}, "ended, or that of the row"
        )
    fields = ("title", "summary", "timestamp", "duration")
    expect(
        [{name: topic.get(name) for name in fields} for topic in sent.get("topics") or []],
        "topics",
    ).equals([{name: topic[name] for name in fields} for topic in columns["topics"]])
    expect(str(sent.get("frontend_url")), "frontend_url").contains(meeting.transcript_id)
    expect(body.get("room"), "room").has({"id": meeting.room_id, "name": meeting.room_name})


@pytest.mark.clause("send_webhook.captions")
def test_captions_have_every_word_at_its_time_under_its_speaker(harness: Harness) -> None:
    columns = finished()
    meeting = harness.meeting(**columns)

    sent = body_of(send(harness, meeting, meeting.room_id)).get("transcript") or {}

    found = cues(str(sent.get("webvtt")))
    texts = [plain(text) for _, _, text in found]
    expect(" ".join(texts).count("w"), "words in the captions").holds(bool(texts), "at least one")
    for _, _, text in found:
        rest = re.sub(r"</?[vcibu](?:[ .][^>\n]*)?>|<[\d:.]+>", "", text)
        # A word that was not escaped looks like a tag or an entity.
        bare = re.search(r"<|-->|&(?!#?\w+;)", rest)
        expect(text, "text of a cue").holds(bare is None, "one in which < & and --> are escaped")
    for word in columns["words"]:
        number = word["word"].rpartition(" ")[2]
        matching = [n for n, text in enumerate(texts) if re.search(rf"\b{number}\b", text)]
        expect(len(matching), f"cues with the word {word['word']!a}").equals(1)
        start, end, raw = found[matching[0]]
        expect(start <= word["start"] + 0.02, f"start of the cue of {number}").equals(True)
        expect(end >= word["end"] - 0.02, f"end of the cue of {number}").equals(True)
        expect(texts[matching[0]], f"text of the cue of {number}").holds(
            word["word"] in unicodedata.normalize("NFC", texts[matching[0]]), word["word"]
        )
        name = unicodedata.normalize("NFC", NAMES[word["speaker"]])
        voice = unicodedata.normalize("NFC", html.unescape(raw))
        expect(voice, f"cue of {number}").contains(name)
    expect(texts == sorted(texts, key=lambda text: found[texts.index(text)][0]), "order").equals(
        True
    )


@pytest.mark.clause("send_webhook.captions")
def test_captions_of_a_topic_have_its_words(harness: Harness) -> None:
    columns = finished()
    meeting = harness.meeting(**columns)

    sent = body_of(send(harness, meeting, meeting.room_id)).get("transcript") or {}

    numbers = []
    for topic in sent.get("topics") or []:
        text = " ".join(plain(raw) for _, _, raw in cues(str(topic.get("webvtt"))))
        numbers.append(re.findall(r"\bw\d+\b", text))
    expected = [
        [
            word["word"].rpartition(" ")[2]
            for word in columns["words"]
            if topic["timestamp"] <= word["start"] < topic["timestamp"] + topic["duration"]
        ]
        for topic in columns["topics"]
    ]
    expect(numbers, "words in the captions of each topic").equals(expected)


@pytest.mark.clause("send_webhook.room")
def test_without_room_id_the_room_of_the_transcript_gets_it(harness: Harness) -> None:
    meeting = harness.meeting(**finished())

    run = send(harness, meeting, None)

    body_of(run)
    expect(run.requests_to("webhook")[0].path, "path").equals(f"/{meeting.room_name}")


@pytest.mark.clause("send_webhook.room")
def test_the_room_of_room_id_gets_it(harness: Harness) -> None:
    other = harness.meeting()
    meeting = harness.meeting(**finished())

    run = send(harness, meeting, other.room_id)

    body = body_of(run)
    expect(run.requests_to("webhook")[0].path, "path").equals(f"/{other.room_name}")
    expect(body.get("room"), "room").has({"id": other.room_id})


@pytest.mark.clause("send_webhook.room")
def test_an_unknown_room_gets_nothing_nor_does_the_transcripts(harness: Harness) -> None:
    run = send(harness, harness.meeting(**finished()), "no-such-room")

    expect(run.output, "output").has({"sent": False, "status_code": None})
    expect(run.requests_to("webhook"), "deliveries").equals([])


@pytest.mark.clause("send_webhook.repeat")
def test_event_id_depends_on_the_transcript_only(harness: Harness) -> None:
    other, meeting = harness.meeting(), harness.meeting(**finished())

    bodies = [body_of(send(harness, meeting, one.room_id)) for one in (meeting, other)]

    ids = {body.get("event_id") for body in bodies}
    expect(len(ids), "distinct event ids of two deliveries").equals(1)


@pytest.mark.clause("send_webhook.room")
def test_a_room_without_a_secret_gets_no_signature(harness: Harness) -> None:
    meeting = harness.meeting(signed=False, **finished())

    run = send(harness, meeting, meeting.room_id)

    body_of(run)
    header = run.requests_to("webhook")[0].header("x-webhook-signature")
    expect(header or "", "X-Webhook-Signature").equals("")


@pytest.mark.clause("send_webhook.answers")
@pytest.mark.parametrize(
    ("status", "sent"), [(201, True), (202, True), (204, True), (302, False), (307, False)]
)
def test_any_2xx_is_a_delivery_and_no_redirect_is_followed(
    status: int, sent: bool, harness: Harness
) -> None:
    meeting = harness.meeting(**finished())
    elsewhere = f"{harness.testbed.served.urls['webhook']}/elsewhere"
    headers = {"headers": {"location": elsewhere}} if not sent else {}
    harness.break_service("webhook", status=status, times=1, **headers)

    run = send(harness, meeting, meeting.room_id)

    expect(run.output, "output").has({"sent": sent, "status_code": status})
    paths = [one.path for one in run.requests_to("webhook")]
    expect(paths, "deliveries").equals([f"/{meeting.room_name}"])
