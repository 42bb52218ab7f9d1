"""What is kept of a run, without the files of its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import TypeAdapter

from trackproof.events.runs import RunEnded
from trackproof.events.verification import VerifyEnded
from trackproof.scenarios import ScenarioFile

Verb = Literal["run", "verify", "rehearse"]
Word = Literal["pass", "fail", "open"]

WORDS: Final[tuple[Word, ...]] = ("pass", "fail", "open")
RUNNING: Final = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a person says about one point of the checklist."""

    point: str
    word: Word
    note: str = ""
    who: str = ""
    at: str = ""
    """ISO 8601, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A kept run."""

    format: Literal[1] = 1
    id: str
    verb: Verb
    began_at: str
    """ISO 8601, UTC."""
    ended_at: str = ""
    """Empty while it runs, and if its process was killed."""
    fleet: str = ""
    conductor: str = ""
    """Version and backend of the server."""
    verdict: str = RUNNING
    headline: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    scenario: ScenarioFile | None = None
    run: RunEnded | None = None
    verification: VerifyEnded | None = None
    rehearsal: Mapping[str, Any] | None = None

    @property
    def title(self) -> str:
        """What ran, in a few words."""
        return self.scenario.title if self.scenario else self.verb


RECORD: Final = TypeAdapter(RunRecord)
VERDICTS: Final = TypeAdapter(tuple[Verdict, ...])
