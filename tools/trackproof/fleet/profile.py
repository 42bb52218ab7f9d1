"""The fleet profile: how a fleet starts, exposes its results and names things.

A profile is one TOML file; docs/fleets.md explains its keys. The laboratory knows nothing else
about a fleet.
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
Seconds = Annotated[float, Field(gt=0)]
Definition = Mapping[str, Any]


@dataclass(frozen=True, config=STRICT)
class Deviation:
    """A violation that both sides accept until a date."""

    clause: Text
    reason: Text
    until: date
    """Last day on which it is accepted."""


@dataclass(frozen=True, config=STRICT)
class Invisible:
    """Why a part of the fleet's data cannot be observed, and until when that is accepted."""

    reason: Text
    until: date | None = None
    """Last day on which it is accepted; None for always."""


def _expand_reason(value: Any) -> Any:
    return {"reason": value} if isinstance(value, str) else value


Part = Literal[
    "rows", "events", "recordings", "meetings", "files", "process", "traffic", "trigger", "legacy"
]


@dataclass(frozen=True, config=STRICT)
class Container:
    """The image that runs the fleet."""

    image: Text
    command: Command = ()
    """Replaces the image's own command."""
    mounts: Mapping[str, str] = Field(default_factory=dict)
    """Folders of this machine, relative to the profile, by their path in the container."""


@dataclass(frozen=True, config=STRICT)
class FieldTerms:
    """A fleet's terms for one field of a contract."""

    name: Text | None = None
    """The fleet's name; by default the contract's."""
    trim: bool = False
    """Whether the fleet's texts may have white space at their ends that does not count."""
    unit: Literal["s", "ms"] = "s"
    """The fleet's unit where the contract uses seconds; milliseconds are integers."""
    values: Mapping[str, str] = Field(default_factory=dict)
    """The fleet's values by the contract's; `{n}` matches any text."""
    keys: Mapping[str, str] = Field(default_factory=dict)
    """The fleet's keys of a map by the contract's; `{n}` matches any text."""


def _expand_name(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


Fields = Mapping[str, Annotated[FieldTerms, BeforeValidator(_expand_name)]]
"""Terms by the field's path in the contract, such as `transcripts.*.words[].start`."""


@dataclass(frozen=True, config=STRICT)
class TaskTerms:
    """A fleet's terms for one task."""

    name: Text | None = None
    input: Fields = Field(default_factory=dict)
    output: Fields = Field(default_factory=dict)
    extra: Definition = Field(default_factory=dict)
    """Constant input that the fleet needs beyond the contract."""


@dataclass(frozen=True, config=STRICT)
class EventTerms:
    """A fleet's terms for one event."""

    name: Text | None = None
    data: Fields = Field(default_factory=dict)


@dataclass(frozen=True, config=STRICT)
class WorkflowTerms:
    """A fleet's terms for the workflow."""

    name: Text | None = None
    version: Annotated[int, Field(ge=1)] | None = None
    input: Fields = Field(default_factory=dict)
    output: Fields = Field(default_factory=dict)
    extra: Definition = Field(default_factory=dict)
    steps: Mapping[str, str] = Field(default_factory=dict)
    """The fleet's reference names of steps by the contract's; `{n}` matches any text."""
    output_from: Mapping[str, Text] = Field(default_factory=dict)
    """Where a field that the workflow's own output lacks is read, in the contracts' names:
    `transcript.<column>` or `<step>.<output field>`."""


@dataclass(frozen=True, config=STRICT)
class Overlay:
    """Merge patches (RFC 7396) for the contracts' definitions before registration."""

    tasks: Mapping[str, Definition] = Field(default_factory=dict)
    """Patches by task type."""
    workflow: Definition = Field(default_factory=dict)
    steps: Mapping[str, Definition] = Field(default_factory=dict)
    """Patches by a step's reference name."""


@dataclass(frozen=True, config=STRICT)
class Ports:
    """Fixed ports, for a fleet that runs before the testbed; 0 for any free one."""

    services: Port = 0
    s3: Port = 0


@dataclass(frozen=True, config=STRICT)
class Limits:
    """Time limits of the suite, in seconds; by default they follow the registered definitions."""

    task: Seconds | None = None
    """For one run of any task."""
    tasks: Mapping[str, Seconds] = Field(default_factory=dict)
    """For one run of a task, by its type in the contracts; take precedence over `task`."""
    pipeline: Seconds | None = None
    """For concurrent runs of the pipeline, until the last one ends."""


Position = Literal["legacy", "shadow", "fallback", "conductor"]
"""A position of the switch between the pipelines, in the order of a move."""

Delivery = Literal["webhook", "zulip"]


@dataclass(frozen=True, config=STRICT)
class TriggerTerms:
    """What starts pipelines for finished recordings, and the pipeline before Conductor."""

    command: Annotated[Command, Field(min_length=1)]
    """Receives Daily's webhooks and polls Daily; starts again for each position of the switch."""
    webhook_url: Text
    """URL for Daily's webhooks, with `{trigger.port}`."""
    webhook_secret: Text = "{daily.webhook_secret}"  # noqa: S105 - a template
    """Base64 key that signs them."""
    ready_seconds: Seconds = 60.0
    """Time limit for the first answer of `webhook_url`, in seconds."""
    poll_command: Command = ()
    """Runs one polling round and exits; without it the trigger polls by itself."""
    seconds: Seconds = 30.0
    """Time limit for each start and each fallback."""
    legacy_command: Command = ()
    """Worker of the legacy pipeline; none after the move."""
    legacy_task: Text | None = None
    """Name of the legacy pipeline's task in messages; by default the contract's."""
    broker: str = ""
    """Where these messages are seen before a worker takes them, as a template: the URL of a Redis,
    or the folder of Celery's filesystem transport. Empty after the move."""
    recording_sql: str = ""
    """Query for columns `transcript_id` (of the result that counts), `workflow_id` and
    `legacy_task_id` of a recording, with `:recording_id`; NULL where a pipeline was not started."""
    deliveries: tuple[Delivery, ...] = ("webhook", "zulip")
    """What an ended meeting delivers once."""
    environment: Mapping[str, str] = Field(default_factory=dict)
    """Variables of trigger, legacy worker and fleet, beside the profile's `[environment]`."""
    polling: Mapping[str, str] = Field(default_factory=dict)
    """Variables with which the trigger polls Daily at once and often."""
    legacy: Mapping[str, str] | None = None
    """Variables of the trigger that send recordings to the legacy pipeline alone."""
    shadow: Mapping[str, str] | None = None
    """Variables that run both pipelines, of which the legacy one counts."""
    fallback: Mapping[str, str] | None = None
    """Variables that start workflows, and the legacy pipeline soon after Conductor fails."""
    conductor: Mapping[str, str] | None = None
    """Variables that start workflows alone."""


@dataclass(frozen=True, config=STRICT)
class FleetProfile:
    """Everything the laboratory knows about a fleet."""

    name: Text

    command: Command = ()
    """Command that starts the fleet."""
    container: Container | None = None
    """Container that runs the fleet, instead of a command."""
    attach: bool = False
    """Whether the fleet runs already, instead of a command."""
    directory: Path | None = None
    """Working folder of commands, relative to the profile; by default the run's folder."""
    environment: Mapping[str, str] = Field(default_factory=dict)
    """Variables of the fleet; values are templates such as `{s3.endpoint}`."""
    intercept: Mapping[str, Text] = Field(default_factory=dict)
    """URLs that receive the HTTPS requests to hard-coded hosts, by host with an optional path
    prefix: `api.daily.co/v1`."""
    ports: Ports = Field(default_factory=Ports)
    s3: Literal["root", "folder"] = "root"
    """Whether the endpoint of S3 is a whole host, or a folder of one such as
    `http://host/storage/v1/s3`."""
    database: str = ""
    """Kind of database that the fleet needs, `sqlite` or `postgres`; or the URL of its database,
    if it cannot be configured."""
    migrate_command: Command = ()
    """Creates the fleet's tables; runs once before the fleet starts."""
    ready_seconds: Seconds = 60.0
    """Time limit for polling every task type, in seconds."""
    other_tasks: tuple[Text, ...] = ()
    """Further task types that the fleet polls."""
    serves: tuple[Text, ...] = ()
    """The contracts' task types that the fleet serves; all by default."""
    domain: str = ""
    """Conductor task domain that the fleet polls."""

    register_command: Command = ()
    """Registers definitions; by default the laboratory registers the contracts'."""
    overlay: Overlay = Field(default_factory=Overlay)

    seed_command: Command = ()
    """Reads a meeting's rows as JSON on standard input and prints their ids as JSON."""
    seed_lines: bool = False
    """Whether the seed command keeps running and prints one line per line it reads."""
    seed_sql: tuple[Text, ...] = ()
    """Statements with `:room_id`, `:transcript_title` …; the columns they return are ids."""

    transcript_sql: str = ""
    """Query for one row, with `:transcript_id`."""
    transcript_url: str = ""
    """URL of the row as a JSON object, with `{transcript_id}`."""
    recording_sql: str = ""
    """Query for column `id` of a run's recordings, with `:workflow_id`."""
    meeting_sql: str = ""
    """Query for the row of a meeting, with `:meeting_id`, which is Daily's mtg_session_id."""
    shadow_sql: str = ""
    """Query for columns `counting` and `shadow`, the ids of a recording's two transcripts, and
    `workflow_id` of the shadow run, with `:recording_id`."""
    steps_sql: str = ""
    """Query for columns `step` and `seconds`, of any pipeline, with `:transcript_id`."""
    events_sql: str = ""
    """Query for columns `event` and `data` (JSON), oldest first, with `:transcript_id`."""
    events_redis: str = ""
    """Redis channel of messages `{"event", "data"}`, with `{transcript_id}`."""
    events_websocket: str = ""
    """URL of a WebSocket of such messages, with `{transcript_id}`."""
    events_lag_ms: Annotated[float, Field(ge=0)] = 0.0
    """How late a task's last event may arrive, in milliseconds."""

    tasks: Mapping[str, TaskTerms] = Field(default_factory=dict)
    fields: Fields = Field(default_factory=dict)
    """Terms for fields of every task and event, at any depth, by name."""
    events: Mapping[str, EventTerms] = Field(default_factory=dict)
    workflow: WorkflowTerms = Field(default_factory=WorkflowTerms)
    transcript: Fields = Field(default_factory=dict)
    """Terms for the transcript's row, by column."""
    keys: Mapping[str, Text] = Field(default_factory=dict)
    """The fleet's S3 keys by the contract's, such as `{transcript_id}/audio.mp3`."""

    trigger: TriggerTerms | None = None
    """What starts the pipelines, and the switch between them; None if that is not there."""

    time_tolerance_ms: Annotated[float, Field(ge=0)] = 20.0
    """Tolerance for the times of words, in milliseconds."""
    limits: Limits = Field(default_factory=Limits)
    deviations: tuple[Deviation, ...] = ()
    not_visible: Mapping[Part, Annotated[Invisible, BeforeValidator(_expand_reason)]] = Field(
        default_factory=dict
    )
    """Data that cannot be observed; its clauses are not judged, and the verdict says so."""
