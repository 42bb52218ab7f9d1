"""The result of one meeting as a person looks at it: spoken and transcribed, sent and received."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Speaker:
    """One track and its participant."""

    index: int
    name: str
    offset: float
    """Seconds from the meeting's start."""
    duration: float
    denied: bool = False


@dataclass(frozen=True, slots=True)
class TranscriptWord:
    """A word with its time in the meeting."""

    text: str
    start: float
    end: float
    speaker: int
    matched: bool = True
    """Whether the other side, spoken or transcribed, has it too."""


@dataclass(frozen=True, slots=True)
class MeetingTopic:
    """A topic of the result."""

    title: str
    summary: str
    start: float | None = None
    """Seconds from the meeting's start."""


@dataclass(frozen=True, slots=True)
class ZulipText:
    """A message as it stands in Zulip."""

    stream: str
    topic: str
    content: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook as it was received."""

    at: float
    """Epoch seconds."""
    status: int | None
    """What the receiver answered; None for a dropped connection."""
    retry: str
    signature: str
    """Empty if it is valid, else what is wrong with it."""
    body: str


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """A request to an outside service."""

    service: str
    method: str
    path: str
    status: int | None
    at: float
    """Epoch seconds."""
    seconds: float
    faulted: bool
    violations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An object that the meeting left in S3."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class MeetingResult:
    """Everything a tester hears, reads and compares."""

    duration: float
    speakers: tuple[Speaker, ...]
    spoken: tuple[TranscriptWord, ...]
    transcribed: tuple[TranscriptWord, ...]
    title: str = ""
    short_summary: str = ""
    long_summary: str = ""
    topics: tuple[MeetingTopic, ...] = ()
    waveform: tuple[float, ...] = ()
    zulip: tuple[ZulipText, ...] = ()
    webhooks: tuple[Delivery, ...] = ()
    requests: tuple[ServiceRequest, ...] = ()
    objects: tuple[StoredFile, ...] = ()
    audio: tuple[str, ...] = ()
    """Names of the kept audio files: the mixdown, and one for each track."""

    @property
    def missing(self) -> int:
        """Number of spoken words that were not transcribed."""
        return sum(not word.matched for word in self.spoken)

    @property
    def surplus(self) -> int:
        """Number of transcribed words that nobody spoke."""
        return sum(not word.matched for word in self.transcribed)
