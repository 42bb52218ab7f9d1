"""Results of meetings, tame and hostile."""

from __future__ import annotations

from dataclasses import replace

from trackproof.events.meeting import (
    Delivery,
    MeetingResult,
    MeetingTopic,
    ServiceRequest,
    Speaker,
    StoredFile,
    TranscriptWord,
    ZulipText,
)


def meeting_result(text: str = "hello", *, words: int = 6, speakers: int = 2) -> MeetingResult:
    """Return a result in which `text` is everything that a fleet or a participant writes."""
    spoken = tuple(
        TranscriptWord(f"{text}{n}", n * 0.5, n * 0.5 + 0.3, n // 3 % speakers)
        for n in range(words)
    )
    surplus = TranscriptWord(f"{text} extra", words * 0.5, words * 0.5 + 0.2, 99, matched=False)
    return MeetingResult(
        duration=words * 0.5 + 1,
        speakers=tuple(Speaker(n, f"{text} person {n}", float(n), 10.0) for n in range(speakers)),
        spoken=(*spoken[:-1], replace(spoken[-1], matched=False)),
        transcribed=(*spoken[:-1], surplus),
        title=f"{text} title",
        short_summary=f"{text} short",
        long_summary=f"{text} long",
        topics=(MeetingTopic(f"{text} topic", f"{text} about", 1.5),),
        waveform=(0.1, 0.5, 1.0, 0.2),
        zulip=(ZulipText(f"{text} stream", f"{text} place", f"{text} content"),),
        webhooks=(Delivery(1.0, 200, "0", "", f'{{"title": "{text}"}}'),),
        requests=(ServiceRequest("daily", "GET", f"/{text}", 200, 1.0, 0.1, True, (text,)),),
        objects=(StoredFile("transcripts", f"{text}/audio.mp3"),),
        audio=("mixdown.mp3", "track-00.webm"),
    )
