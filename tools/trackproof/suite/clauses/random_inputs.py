"""Random valid inputs, odd in every field; the same for the same seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from trackproof.lab import RECORDING_BUCKET
from trackproof.runs.scenario import Scenario
from trackproof.suite.clauses.odd_texts import ODD_TEXTS
from trackproof.suite.clauses.outside_calls import input_of, spoken_words
from trackproof.suite.harness import Harness
from trackproof.testbed.stand_ins.services.daily import DailyParticipant

Payload = dict[str, Any]

LANGUAGES = ("en", "de", "pt-BR", "zh-Hant", "ar", None)
LETTERS = ("abcxyz", "äßœÉ", "жщё", "אבג", "مرح", "東京会", "ไทย", "한국", "🦉👩‍🚀", "-'.,;:!?")
MINUTE, HOUR = 60, 3_600


class Draw:
    """Draws values from one seed."""

    def __init__(self, seed: str) -> None:
        """Start with a seed, which all values follow from."""
        self.random = random.Random(seed)
        self._seed = seed

    def text(self, most: int = 6) -> str:
        """Return a text of 1 to `most` words, none like another's, one of them odd."""
        words = [f"{self._seed}{self.random.randrange(10**6)}"]
        for _ in range(self.random.randrange(most)):
            letters = self.random.choice(LETTERS)
            words.append("".join(self.random.choices(letters, k=self.random.randint(1, 12))))
        words.insert(self.random.randrange(len(words) + 1), self.random.choice(ODD_TEXTS))
        return self.random.choice((" ", " ", "  ", " — ")).join(words).strip()

    def seconds(self, most: float = 40 * HOUR) -> float:
        """Return a time, whole or of milliseconds; small ones are as frequent."""
        value = self.random.choice((1.0, MINUTE, min(3 * HOUR, most), most)) * self.random.random()
        return self.random.choice((float(int(value)), round(value, 3)))

    def words(self, count: int, speakers: int = 3) -> list[Payload]:
        """Return words by start, some at one time, some without length."""
        starts = sorted(self.seconds() for _ in range(count))
        if count > 2:
            starts[1] = starts[0]
        words = []
        for start in starts:
            end = round(start + self.random.choice((0.0, 0.04, 0.3, 45.5)), 3)
            speaker = self.random.randrange(speakers)
            words.append(
                {
                    "word": self.text(2),
                    "start": start,
                    "end": end,
                    "speaker": speaker,
                }
            )
        words.sort(key=lambda word: (word["start"], word["speaker"]))
        for word in words[3:6]:  # as a recogniser repeats itself
            word["word"] = words[2]["word"]
        return words

    def topics(self, count: int) -> list[Payload]:
        """Return topics by time; some have no summary."""
        times = sorted(self.seconds() for _ in range(count))
        return [
            {
                "id": f"topic-{index}",
                "title": self.text(),
                "summary": self.random.choice(("", self.text(20))),
                "timestamp": at,
                "duration": self.seconds(10 * MINUTE),
            }
            for index, at in enumerate(times)
        ]

    def columns(self) -> Payload:
        """Return the columns of a transcript with an earlier result."""
        words = self.words(self.random.randrange(1, 40))
        return {
            "title": self.text(),
            "short_summary": self.text(15),
            "long_summary": f"# {self.text()}\n\n{self.text(30)}\n\n* {self.text()}",
            "duration": self.seconds(),
            "words": words,
            "topics": self.topics(self.random.randrange(4)),
            "participants": [
                {"id": f"p{speaker}", "name": name, "speaker": speaker}
                for speaker in range(self.random.randrange(4))
                for name in [self.random.choice((None, self.text(2)))]
            ],
        }


def random_input(harness: Harness, task: str, meeting: Scenario, draw: Draw) -> Payload:
    """Return a random valid input of a task about a meeting; services have what it needs."""
    fields: dict[str, Callable[[], Payload]] = {
        "get_participants": lambda: _people(harness, meeting, draw),
        "generate_dynamic_fork_tasks": lambda: _fork(draw),
        "transcribe_track": lambda: _transcription(harness, meeting, draw),
        "merge_transcripts": lambda: _tracks(draw),
        "detect_topics": lambda: {
            "words": draw.words(draw.random.choice((1, 299, 300, 301, 640))),
            "target_language": draw.random.choice(LANGUAGES),
        },
        "generate_title": lambda: {"topics": draw.topics(draw.random.choice((1, 2, 7, 30)))},
        "generate_summary": lambda: {
            "words": spoken_words(meeting, draw.random.choice((2, 30, 120))),
            "topics": draw.topics(draw.random.randrange(5)),
        },
        "finalize": lambda: {
            "title": draw.text(30),
            "summary": draw.text(60),
            "short_summary": draw.random.choice(("", draw.text(20))),
            "duration": draw.random.choice((0, 7, draw.seconds())),
        },
        "cleanup_consent": dict,
        "post_zulip": dict,
        "send_webhook": lambda: {"room_id": draw.random.choice((None, meeting.room_id))},
    }
    return {**fields[task](), "transcript_id": meeting.transcript_id}


RANDOM_TASKS = (
    *("get_participants", "generate_dynamic_fork_tasks", "transcribe_track"),
    *("merge_transcripts", "detect_topics", "generate_title", "generate_summary", "finalize"),
    *("cleanup_consent", "post_zulip", "send_webhook"),
)
"""Tasks whose input is no audio and no other service's."""


def _people(harness: Harness, meeting: Scenario, draw: Draw) -> Payload:
    people = [
        DailyParticipant(
            f"p-{draw.random.randrange(10**9)}-{index}",
            1_700_000_000 + draw.random.randrange(9_999),
            draw.random.randrange(9_999),
            draw.random.choice((None, f"u{index}", draw.text(1))),
            draw.random.choice((None, draw.text(3))),
        )
        for index in range(draw.random.choice((0, 1, 5, 99, 100, 101)))
    ]
    harness.testbed.stand_ins.daily.add_meeting(meeting.session_id, people)
    return {"mtg_session_id": draw.random.choice((meeting.session_id, meeting.session_id, None))}


def _fork(draw: Draw) -> Payload:
    count = draw.random.choice((0, 1, 2, 11, 64))
    kind = draw.random.choice(("pad_track", "transcribe_track"))
    payload: Payload = {
        "tracks": [{"s3_key": f"{draw.text(1)}/{index}-cam-audio-1"} for index in range(count)],
        "task_type": kind,
        "bucket_name": RECORDING_BUCKET,
        "language": draw.random.choice(LANGUAGES),
    }
    if kind == "transcribe_track":
        padded = [
            {"padded_url": f"http://s3/{draw.text(1)}", "size": index, "track_index": index}
            for index in range(count + draw.random.randrange(2))
        ]
        draw.random.shuffle(padded)
        payload["padded_tracks"] = {f"pad_track_{one['track_index']}": one for one in padded}
    return payload


def _transcription(harness: Harness, meeting: Scenario, draw: Draw) -> Payload:
    entries = []
    for word in draw.words(draw.random.choice((0, 1, 40, 400)), speakers=1):
        text = draw.random.choice(("{}", " {}", "{} ", "\t{}")).format(word["word"])
        entries.append({"word": text, "start": word["start"], "end": word["end"]})
    draw.random.shuffle(entries)
    answer = {"text": "", "words": entries}
    harness.break_service("modal", body=json.dumps(answer))
    payload = input_of(harness, "transcribe_track", meeting)
    return {
        **payload,
        "track_index": draw.random.choice((0, 1, 9, 63)),
        "language": draw.random.choice(LANGUAGES),
    }


def _tracks(draw: Draw) -> Payload:
    order = list(range(draw.random.choice((1, 3, 12))))
    draw.random.shuffle(order)
    tracks = {}
    for index in order:
        words = draw.words(draw.random.choice((0, 1, 25)))
        draw.random.shuffle(words)
        tracks[f"branch {index}" if index % 2 else f"transcribe_track_{index}"] = {
            "words": [{**word, "speaker": index} for word in words],
            "track_index": index,
        }
    return {"transcripts": draw.random.choice((tracks, list(tracks.values())))}
