"""What a fleet's profile says: how it is started, where its results are seen, how it names things.

A profile is one TOML file; docs/fleets.md explains its keys. Nothing else of a fleet is known to
the laboratory.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid")

Text = Annotated[str, Field(min_length=1)]
Command = tuple[Text, ...]
Port = Annotated[int, Field(ge=0, le=65535)]
Definition = Mapping[str, Any]


@dataclass(frozen=True, config=STRICT)
class Deviation:
    """A breach that both sides know of and live with for a while."""

    clause: Text
    reason: Text
    until: date
    """The last day on which it is accepted."""


@dataclass(frozen=True, config=STRICT)
class Container:
    """An image that is the fleet."""

    image: Text
    command: Command = ()
    """Instead of the image's own."""
    mounts: Mapping[str, str] = Field(default_factory=dict)
    """Folders of this machine, relative to the profile, by their place in the container."""


@dataclass(frozen=True, config=STRICT)
class FieldTerms:
    """How a fleet says one field of a contract."""

    name: Text | None = None
    """Its name; the contract's by default."""
    unit: Literal["s", "ms"] = "s"
    """What it counts in where the contract says seconds; milliseconds are whole."""
    values: Mapping[str, str] = Field(default_factory=dict)
    """Its values, by the contract's; `{n}` stands for any text on both sides."""
    keys: Mapping[str, str] = Field(default_factory=dict)
    """The same for the keys of a map."""


def _a_field(told: Any) -> Any:
    return {"name": told} if isinstance(told, str) else told


Fields = Mapping[str, Annotated[FieldTerms, BeforeValidator(_a_field)]]
"""By the field's path in the contract: `words[].start`, or `transcripts.*.words[].start`."""


@dataclass(frozen=True, config=STRICT)
class TaskTerms:
    """How a fleet says one task."""

    name: Text | None = None
    input: Fields = Field(default_factory=dict)
    output: Fields = Field(default_factory=dict)
    extra: Definition = Field(default_factory=dict)
    """Fixed input that the fleet needs and the contract does not know."""


@dataclass(frozen=True, config=STRICT)
class EventTerms:
    """How a fleet says one event."""

    name: Text | None = None
    data: Fields = Field(default_factory=dict)


@dataclass(frozen=True, config=STRICT)
class WorkflowTerms:
    """How a fleet says the workflow."""

    name: Text | None = None
    version: Annotated[int, Field(ge=1)] | None = None
    input: Fields = Field(default_factory=dict)
    output: Fields = Field(default_factory=dict)
    extra: Definition = Field(default_factory=dict)
    steps: Mapping[str, str] = Field(default_factory=dict)
    """Its steps' reference names, by the contract's; `{n}` stands for any text."""


@dataclass(frozen=True, config=STRICT)
class Overlay:
    """What is changed in the contracts' definitions before we register them (RFC 7396)."""

    tasks: Mapping[str, Definition] = Field(default_factory=dict)
    """By task type."""
    workflow: Definition = Field(default_factory=dict)
    steps: Mapping[str, Definition] = Field(default_factory=dict)
    """By a step's reference name."""


@dataclass(frozen=True, config=STRICT)
class Ports:
    """Fixed ports, for a fleet that runs before the testbed does; 0 is any free one."""

    services: Port = 0
    s3: Port = 0


@dataclass(frozen=True, config=STRICT)
class FleetProfile:
    """All that is known of a fleet."""

    name: Text

    command: Command = ()
    """Starts the fleet."""
    container: Container | None = None
    """Or it is a container."""
    attach: bool = False
    """Or it runs already."""
    directory: Path | None = None
    """Where commands run; the testbed's own folder by default. Relative to the profile."""
    environment: Mapping[str, str] = Field(default_factory=dict)
    """Values may name parts of the testbed: `{s3.endpoint}`."""
    intercept: Mapping[str, Text] = Field(default_factory=dict)
    """Hosts that the fleet cannot be told otherwise, and where their HTTPS requests go;
    `api.daily.co`, or with how paths begin: `api.daily.co/v1`."""
    ports: Ports = Field(default_factory=Ports)
    database: str = ""
    """Where the fleet keeps its state, if that cannot be told: a URL."""
    ready_seconds: Annotated[float, Field(gt=0)] = 60.0
    """How long it may take until every task type is polled."""
    other_tasks: tuple[Text, ...] = ()
    """Task types that it polls besides, for other purposes."""

    register_command: Command = ()
    """Registers definitions; without one the laboratory registers the contracts' own."""
    overlay: Overlay = Field(default_factory=Overlay)

    seed_command: Command = ()
    """Reads a meeting's rows as JSON on standard input and writes their ids as JSON."""
    seed_lines: bool = False
    """The seed command stays: it reads a meeting a line and answers each with a line."""
    seed_sql: tuple[Text, ...] = ()
    """Statements with `:room_id`, `:transcript_title` …; what they return are ids."""

    transcript_sql: str = ""
    """One row; `:transcript_id` stands for the transcript's id."""
    transcript_url: str = ""
    """Or a JSON object is got from there; with `{transcript_id}`."""
    recording_sql: str = ""
    """Column `id` of each recording that a run belongs to, with `:workflow_id`; if it is kept."""
    events_sql: str = ""
    """Columns `event` and `data` (JSON), oldest first; with `:transcript_id`."""
    events_redis: str = ""
    """Or a channel of messages `{"event", "data"}`; with `{transcript_id}`."""
    events_websocket: str = ""
    """Or the URL of a WebSocket of such messages; with `{transcript_id}`."""
    events_lag_ms: Annotated[float, Field(ge=0)] = 0.0
    """How long after a task's end its last event may still be under way."""

    tasks: Mapping[str, TaskTerms] = Field(default_factory=dict)
    fields: Fields = Field(default_factory=dict)
    """Fields of every task and event, at whatever depth, by name."""
    events: Mapping[str, EventTerms] = Field(default_factory=dict)
    workflow: WorkflowTerms = Field(default_factory=WorkflowTerms)
    transcript: Fields = Field(default_factory=dict)
    """The transcript's row, by column."""
    keys: Mapping[str, Text] = Field(default_factory=dict)
    """S3 keys, by the contract's: `{transcript_id}/audio.mp3`."""

    time_tolerance_ms: Annotated[float, Field(ge=0)] = 20.0
    """How far a word may be from the truth."""
    deviations: tuple[Deviation, ...] = ()
