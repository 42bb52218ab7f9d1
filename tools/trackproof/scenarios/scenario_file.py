"""The format of a scenario: a TOML file, checked key by key."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fixtures_audio import MAX_SECONDS, MAX_TRACKS
from trackproof.errors import UsageError
from trackproof.fleet.profile import Position
from trackproof.testbed.fault_proxy import Kind
from trackproof.testbed.stand_ins.faults import Fault

AudioKind = Literal[
    "silent", "muted", "stereo-44100", "truncated", "not-audio", "rejoin", "bleed", "loud", "quiet"
]
Service = Literal["daily", "modal", "llm", "zulip", "webhook", "s3"]
Place = Literal["daily", "modal", "llm", "zulip", "webhook", "s3", "fleet", "conductor", "database"]
SERVICES: Final[frozenset[str]] = frozenset(get_args(Service))
MAX_BYTES: Final = 100_000
"""Of a scenario's file: none needs more, and a form of the console may send one."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TrackAudio(_Table):
    """What one track has instead of a clean recording."""

    track: int = Field(ge=0, description="Its track_index.")
    kind: AudioKind = Field(
        description="silent: packets without words; muted: long gaps without packets; "
        "stereo-44100: Vorbis, two channels at 44.1 kHz; truncated: the file ends in the middle; "
        "not-audio: no media file at all; rejoin: a second file of the participant `of`; "
        "bleed: the track `of` is heard too, 18 dB quieter; loud and quiet: levels of 0.9 and 0.02."
    )
    of: int | None = Field(default=None, ge=0, description="The other track of rejoin and bleed.")

    @model_validator(mode="after")
    def _check_other(self) -> Self:
        if (self.kind in {"rejoin", "bleed"}) != (self.of is not None):
            raise ValueError("`of` names the other track of rejoin and bleed, and of nothing else")
        if self.of == self.track:
            raise ValueError("`of` is the track itself")
        return self


class MeetingTable(_Table):
    """The meeting."""

    tracks: int = Field(default=3, ge=1, le=MAX_TRACKS)
    seconds: float = Field(default=30.0, gt=0, le=MAX_SECONDS)
    seed: int = Field(default=0, description="The same seed makes the same meeting.")
    denied: tuple[int, ...] = Field(
        default=(), description="Tracks whose participants deny consent."
    )
    join_every: float | None = Field(
        default=None, ge=0, description="Seconds between two participants' joining."
    )
    voices: Literal["tones", "espeak"] = Field(
        default="tones",
        description="espeak: synthesised speech, by espeak-ng; else words are tones.",
    )
    names: tuple[str, ...] = Field(
        default=(), description="Names of the participants of the first tracks."
    )
    audio: tuple[TrackAudio, ...] = ()

    @model_validator(mode="after")
    def _check_tracks(self) -> Self:
        numbers = [*self.denied, *(one.track for one in self.audio)]
        numbers += [one.of for one in self.audio if one.of is not None]
        if any(not 0 <= number < self.tracks for number in numbers):
            last = self.tracks - 1
            raise ValueError(f"track {max(numbers)} does not exist: tracks are 0 to {last}")
        if len(self.names) > self.tracks:
            raise ValueError(f"{len(self.names)} names for {self.tracks} tracks")
        return self


class ScenarioFault(_Table):
    """One fault and its moment."""

    place: Place
    answer: Mapping[str, Any] | None = Field(
        default=None,
        description="Wrong answers of a service: status, body, text, headers, delay, drop, times, "
        "skip, method, path.",
    )
    connection: Kind | None = Field(default=None, description="A fault of connections.")
    signal: Literal["kill", "stop", "term"] | None = Field(
        default=None,
        description="Ends, or stops for a while, the processes of fleet or conductor.",
    )
    at: str | None = Field(
        default=None, description="Begins when the fleet takes this task; else with the meeting."
    )
    seconds: float | None = Field(
        default=None, gt=0, description="Until it is lifted; else at the end of the meeting."
    )

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        kinds = [self.answer is not None, self.connection is not None, self.signal is not None]
        if sum(kinds) != 1:
            raise ValueError("a fault has exactly one of answer, connection and signal")
        if self.answer is not None:
            if self.place not in SERVICES:
                raise ValueError(f"{self.place} gives no answers that can be changed")
            self.as_answer()
        if self.signal and self.place not in {"fleet", "conductor"}:
            raise ValueError(f"{self.place} is no process: signal applies to fleet and conductor")
        if self.signal and self.at is None:
            raise ValueError("signal needs a moment: the task `at` which it happens")
        if self.signal == "term" and self.place == "conductor":
            raise ValueError("conductor is killed or stopped")
        if self.place == "fleet" and self.connection:
            raise ValueError("fleet has no connections of its own: name the server")
        return self

    def as_answer(self) -> Fault:
        """Return the rule for the stand-ins."""
        return Fault(service=self.place, **dict(self.answer or {}))

    @property
    def text(self) -> str:
        """The fault in a few words."""
        if self.answer is not None:
            what = ", ".join(f"{name} {value}" for name, value in self.answer.items())
        else:
            what = str(self.signal or self.connection)
        when = f" at {self.at}" if self.at else ""
        lasts = f" for {self.seconds:g} s" if self.seconds else ""
        return f"{self.place}: {what}{when}{lasts}"


class ConductorTable(_Table):
    """The server."""

    version: str | None = None
    durable: bool = Field(
        default=False, description="Keeps its state over a kill, in Redis; version 3.15.0."
    )
    response_seconds: int | None = Field(
        default=None,
        ge=1,
        description="Response time-out of every task, to see a dead worker soon.",
    )


class ExpectTable(_Table):
    """What is expected instead of a clean meeting."""

    status: Literal["COMPLETED", "FAILED"] = "COMPLETED"
    reason: str | None = Field(
        default=None, description="Regular expression for the reason of the failure."
    )
    fails: tuple[str, ...] = Field(default=(), description="Checks that fail here.")
    without: tuple[str, ...] = Field(
        default=(), description="Checks that say nothing in this scenario."
    )


class ScenarioFile(_Table):
    """A scenario: what runs, what goes wrong, and what a tester looks for."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,59}$", description="The file's, without .toml."
    )
    title: str = Field(min_length=1, max_length=120)
    look_for: tuple[str, ...] = Field(default=(), description="What a person judges, one a line.")
    tags: tuple[str, ...] = ()
    fleet: str | None = Field(default=None, description="A profile; `reference` by default.")
    stages: tuple[Position, ...] = Field(
        default=(),
        description="Positions of the product's switch between its pipelines, instead of a "
        "meeting of the fleet alone: shadow, fallback.",
    )
    meeting: MeetingTable = MeetingTable()
    conductor: ConductorTable = ConductorTable()
    faults: tuple[ScenarioFault, ...] = ()
    expect: ExpectTable = ExpectTable()

    @model_validator(mode="after")
    def _check_kill(self) -> Self:
        if self.stages and (self.faults or self.meeting.audio or self.meeting.denied):
            raise ValueError("stages have meetings of their own, without faults, audio or denied")
        kills = any(one.place == "conductor" and one.signal == "kill" for one in self.faults)
        if kills and not self.conductor.durable:
            raise ValueError("a killed conductor needs conductor.durable: else it forgets the run")
        return self

    def with_meeting(self, **changes: Any) -> ScenarioFile:
        """Return this scenario with other values of the meeting, checked.

        Raises:
            UsageError: The values contradict the rest of the scenario.
        """
        values = self.model_dump()
        values["meeting"] |= changes
        return from_values(values, self.name)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a scenario's file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **ScenarioFile.model_json_schema(),
    }


def read_scenario(path: Path) -> ScenarioFile:
    """Read a scenario from a TOML file; its name is the file's.

    Raises:
        UsageError: It cannot be read, or a key or value is not valid.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"scenario {path} has more than {MAX_BYTES} bytes")
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise UsageError(f"scenario {path} cannot be read", evidence=str(error)) from error
    return parse_scenario(text, path.name.removesuffix(".toml"), str(path))


def parse_scenario(text: str, name: str, place: str) -> ScenarioFile:
    """Return the scenario in a TOML text.

    Raises:
        UsageError: It is not TOML, or a key or value is not valid.
    """
    try:
        values = tomllib.loads(text)
    except ValueError as error:
        raise UsageError(f"scenario {place} is no TOML", evidence=str(error)) from error
    return from_values({"name": name, **values}, place)


def from_values(values: Mapping[str, Any], place: str) -> ScenarioFile:
    """Return the scenario with these values.

    Raises:
        UsageError: A key or value is not valid; names the nearest known key.
    """
    try:
        return ScenarioFile.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        lines = [f"{_place_of(one['loc'])}: {one['msg']}" for one in problems]
        unknown = [one["loc"] for one in problems if one["type"] == "extra_forbidden"]
        hint = (
            _nearest(unknown[0]) if unknown else "`trackproof scenarios --schema -` prints the keys"
        )
        raise UsageError(
            f"scenario {place} is not valid", evidence="\n".join(lines), hint=hint
        ) from error


def _place_of(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "the scenario"


def _nearest(location: tuple[int | str, ...]) -> str:
    """Return a hint with the known key that is most like an unknown one, of its table first."""
    table = next((str(part) for part in reversed(location[:-1]) if part in _TABLES), "")
    known = list(_TABLES[table].model_fields)
    unknown = str(location[-1])
    if near := difflib.get_close_matches(unknown, known, n=1, cutoff=0.7):
        return f"did you mean {near[0]!r}?"
    elsewhere = {key: name for name, model in _TABLES.items() for key in model.model_fields}
    if near := difflib.get_close_matches(unknown, elsewhere, n=1, cutoff=0.7):
        where = f"in the table {elsewhere[near[0]]!r}" if elsewhere[near[0]] else "above all tables"
        return f"did you mean {near[0]!r}, {where}?"
    return f"known keys: {', '.join(known)}"


_TABLES: Final[Mapping[str, type[BaseModel]]] = {
    "": ScenarioFile,
    "meeting": MeetingTable,
    "conductor": ConductorTable,
    "expect": ExpectTable,
    "faults": ScenarioFault,
    "audio": TrackAudio,
}
