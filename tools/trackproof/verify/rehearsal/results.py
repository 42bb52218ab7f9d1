"""Results of a rehearsal, as reports show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class MeetingResult:
    """What became of one meeting; an empty text says that nothing is wrong."""

    recording_id: str
    transcript_id: str | None
    pipelines: tuple[str, ...]
    """Pipelines that were started for it: `legacy`, and the ids of workflows."""
    seconds: float | None
    """From the first webhook to the end of the transcript that counts; None if it has none."""
    lost: str = ""
    """Why it is lost: its transcript is not complete, or was not delivered."""
    doubled: str = ""
    """What there is more than once: messages, webhooks or ended pipelines that count."""
    mismatched: str = ""
    """How the result differs from what was spoken, or from the shadow run's."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that is wrong, one text for each kind."""
        named = {"lost": self.lost, "doubled": self.doubled, "mismatched": self.mismatched}
        return tuple(f"{name}: {text}" for name, text in named.items() if text)


@dataclass(frozen=True, slots=True)
class StageResult:
    """One position of the switch."""

    name: str
    meetings: tuple[MeetingResult, ...]
    seconds: float
    faults: tuple[str, ...] = ()
    """What is wrong with the stage and belongs to no single meeting."""

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of meetings by column: in, out, lost, doubled, mismatched."""
        return {
            "in": len(self.meetings),
            "out": sum(not one.lost for one in self.meetings),
            "lost": sum(bool(one.lost) for one in self.meetings),
            "doubled": sum(bool(one.doubled) for one in self.meetings),
            "mismatched": sum(bool(one.mismatched) for one in self.meetings),
        }

    @property
    def passed(self) -> bool:
        """Whether all meetings came out once and right."""
        return not self.faults and not any(one.problems for one in self.meetings)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A whole move."""

    fleet: str
    server: str
    """Conductor's version and backend."""
    stages: tuple[StageResult, ...]
    seconds: float

    @property
    def go(self) -> bool:
        """Whether every stage had meetings, and all of them came out once and right."""
        return bool(self.stages) and all(one.meetings and one.passed for one in self.stages)

    @property
    def totals(self) -> dict[str, int]:
        """The sums of the stages' counts."""
        columns = [stage.counts for stage in self.stages]
        return {name: sum(one[name] for one in columns) for name in (columns[0] if columns else ())}

    @property
    def headline(self) -> str:
        """The verdict in one line."""
        totals = self.totals
        found = ", ".join(f"{totals[name]} {name}" for name in ("lost", "doubled", "mismatched"))
        faults = sum(len(stage.faults) for stage in self.stages)
        others = f", {faults} other faults" if faults else ""
        word = "GO" if self.go else "NO-GO"
        return f"{word}: {totals['in']} meetings, {found}{others}"

    def as_json(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            "go": self.go,
            "fleet": self.fleet,
            "server": self.server,
            "seconds": round(self.seconds, 3),
            "totals": self.totals,
            "stages": [
                {
                    "name": stage.name,
                    **stage.counts,
                    "seconds": round(stage.seconds, 3),
                    "faults": list(stage.faults),
                    "meetings": [
                        {
                            "recording_id": one.recording_id,
                            "transcript_id": one.transcript_id,
                            "pipelines": list(one.pipelines),
                            "seconds": one.seconds,
                            "lost": one.lost,
                            "doubled": one.doubled,
                            "mismatched": one.mismatched,
                        }
                        for one in stage.meetings
                    ],
                }
                for stage in self.stages
            ],
        }
