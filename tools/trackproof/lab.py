"""The whole testbed: Conductor, S3, stand-ins, a database and the run's folder."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Self

from trackproof.errors import FleetError, UsageError
from trackproof.fleet import Fleet, FleetProfile
from trackproof.fleet.needs import needed_database, profile_variables
from trackproof.fleet.profile import Ports
from trackproof.fleet.translation.adapters import TranslatedS3
from trackproof.fleet.variables import fill, variable_list
from trackproof.proxies import bypass_variables
from trackproof.scratch import clear_abandoned, scratch_folder
from trackproof.testbed.conductor import ConductorServer, start_conductor
from trackproof.testbed.conductor.gateway import is_near, start_gateway
from trackproof.testbed.conductor.rest import ConductorRest
from trackproof.testbed.conductor.starts import Starts
from trackproof.testbed.conductor.traffic import Traffic
from trackproof.testbed.database import (
    STARTED,
    Database,
    database_for,
    database_variables,
    default_database,
    kind_of,
)
from trackproof.testbed.fault_proxy.proxied import Proxies, start_proxies
from trackproof.testbed.postgres import PostgresServer
from trackproof.testbed.processes import Restartable
from trackproof.testbed.s3.object_store import ObjectStore
from trackproof.testbed.s3.server import S3Server
from trackproof.testbed.stand_ins.server import ServedStandIns
from trackproof.testbed.stand_ins.stand_ins import StandIns

RECORDING_BUCKET = "recordings"
TRANSCRIPT_BUCKET = "transcripts"
SCRATCH_PREFIX = "trackproof-lab-"

REDIS_VARIABLES = frozenset({"redis.url", "redis.host", "redis.port"})

S3_FOLDERS = {"root": "", "folder": "/storage/v1/s3"}
"""Path of S3's endpoint, by a profile's `s3`."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What one fleet connects to: the testbed, and the servers that only it needs."""

    variables: Mapping[str, str]
    """The values of a profile's variables by name, such as `s3.endpoint`."""
    environment: Mapping[str, str]
    """The environment of the fleet's profile, filled with them."""
    database_url: str
    refused: Sequence[str]
    """Hosts that the intercept proxy refused; grows while the fleet runs."""
    traffic: Traffic | None = None
    """Its requests to Conductor; None where they pass no gateway."""
    starts: Starts | None = None
    """Its starts of workflows; None where they pass no gateway."""
    proxies: Proxies = field(default_factory=dict)
    """Fault proxies in front of the servers, by name; empty unless it is `proxied`."""
    servers: Mapping[str, Restartable] = field(default_factory=dict)
    """Its `database` and `redis`, where they run as processes that the testbed started."""


@dataclass(frozen=True, slots=True)
class Testbed:
    """Everything a fleet connects to, running."""

    __test__ = False  # pytest: not a test class

    conductor: ConductorServer
    rest: ConductorRest
    s3: ObjectStore
    stand_ins: StandIns
    served: ServedStandIns
    folder: Path
    database_url: str
    """URL of the fleet's database."""
    migrated: set[tuple[str, str]] = field(default_factory=set)
    """Fleets and URLs of the databases that their `migrate_command` has migrated."""
    database_server: PostgresServer | None = None
    """The server of that database, if the testbed started one."""

    @classmethod
    @contextmanager
    def started(
        cls,
        *,
        conductor: str,
        version: str,
        report: Callable[[str], None],
        database: str | None = None,
        ports: Ports = Ports(),  # noqa: B008 - it is frozen
        s3: Literal["root", "folder"] = "root",
    ) -> Iterator[Self]:
        """Start all parts and end them with the block.

        Args:
            conductor: `auto`, `container`, `process` or the URL of a running server.
            version: Version of the server to start.
            report: Receives single lines of progress.
            database: `sqlite`, `postgres` or the URL of a database; by default the value of
                TRACKPROOF_DATABASE, else `sqlite`; see `database_choice`.
            ports: Ports of S3 and the stand-ins.
            s3: Where the endpoint of S3 is, as in a profile.

        Raises:
            TestbedError: A part could not be started.
        """
        clear_abandoned(SCRATCH_PREFIX)
        with ExitStack() as stack:
            folder = stack.enter_context(scratch_folder(SCRATCH_PREFIX))
            choice = database or default_database()
            own = stack.enter_context(database_for(choice, folder))
            buckets = [RECORDING_BUCKET, TRANSCRIPT_BUCKET]
            store = S3Server(buckets, port=ports.s3, folder=S3_FOLDERS[s3])
            stack.enter_context(store)
            stand_ins = StandIns(folder=folder)
            served = stack.enter_context(stand_ins.serve(port=ports.services))
            server = stack.enter_context(start_conductor(conductor, version, report=report))
            rest = stack.enter_context(ConductorRest(server.api_url))
            yield cls(
                server, rest, store, stand_ins, served, folder, own.url, database_server=own.server
            )

    def variables(self) -> dict[str, str]:
        """Return the values of a profile's variables by name, such as `s3.endpoint`."""
        keys, urls = self.stand_ins.credentials, self.served.urls
        return {
            "conductor.api_url": self.conductor.api_url,
            "daily.url": urls["daily"],
            "daily.key": keys.daily_key,
            "daily.webhook_secret": keys.daily_webhook_secret,
            "modal.url": urls["modal"],
            "modal.key": keys.modal_key,
            "llm.url": urls["llm"],
            "llm.key": keys.llm_key,
            "zulip.url": urls["zulip"],
            "zulip.email": keys.zulip_email,
            "zulip.key": keys.zulip_key,
            "webhook.url": urls["webhook"],
            "webhook.secret": keys.webhook_secret,
            "s3.endpoint": self.s3.endpoint,
            "s3.access_key": self.s3.access_key,
            "s3.secret_key": self.s3.secret_key,
            "s3.region": self.s3.region,
            "s3.recording_bucket": RECORDING_BUCKET,
            "s3.transcript_bucket": TRANSCRIPT_BUCKET,
            "folder": str(self.folder),
        }

    def translated_for(self, fleet: Fleet) -> Testbed:
        """Return this testbed with the fleet's terms translated into the contracts'."""
        translator = fleet.translator
        domain = fleet.profile.domain
        if (translator.is_identity and not domain) or self.rest.terms is translator:
            return self
        return replace(
            self,
            rest=self.rest.translated(translator, domain=domain),
            s3=TranslatedS3(self.s3, translator.keys),
        )

    @contextmanager
    def _database_of(self, profile: FleetProfile) -> Iterator[Database]:
        """Yield a fleet's database: its own, the testbed's, or one of the kind that it needs.

        Raises:
            TestbedError: PostgreSQL could not be started.
        """
        kind = needed_database(profile)
        if kind is None and profile.database:
            yield Database(profile.database)
        elif kind in {None, kind_of(self.database_url)}:
            yield Database(self.database_url, self.database_server)
        else:
            with database_for(kind, self.folder) as database:
                yield database

    @contextmanager
    def surroundings(
        self, profile: FleetProfile, *, watched: bool = False, proxied: bool = False
    ) -> Iterator[Surroundings]:
        """Start what only this fleet needs (its Redis, proxy, database) and fill its environment.

        Args:
            profile: The fleet.
            watched: Whether its requests to Conductor pass a gateway, which records them and
                injects faults. Neither the requests of a fleet that runs already do, nor those to
                a server on another network or over HTTPS.
            proxied: Whether its connections pass fault proxies; SQLite, a file, has none.

        Raises:
            FleetError: The profile uses an unknown variable.
            TestbedError: Its Redis, database or intercept proxy cannot be started.
        """
        with ExitStack() as stack:
            own = stack.enter_context(self._database_of(profile))
            database = own.url
            servers: dict[str, Restartable] = {}
            if own.server is not None and own.server.process is not None:
                servers["database"] = own.server
            variables = {**self.variables(), **database_variables(database)}
            variables |= {"fleet.port": str(free_port()), "trigger.port": str(free_port())}
            variables |= {"proxy.url": "", "proxy.ca": ""}
            traffic, starts = None, None
            if watched and not profile.attach and is_near(self.conductor.api_url):
                gateway = stack.enter_context(start_gateway(self.conductor.api_url))
                variables["conductor.api_url"] = gateway.api_url
                traffic, starts = gateway.traffic, gateway.starts
            if uses_redis(profile):
                from trackproof.testbed.redis import start_redis  # noqa: PLC0415 - slow import, rarely used

                servers["redis"] = redis_server = stack.enter_context(start_redis(free_port()))
                variables |= {
                    "redis.url": redis_server.url,
                    "redis.host": "127.0.0.1",
                    "redis.port": str(redis_server.port),
                }
            proxies: Proxies = {}
            if proxied:
                changed, proxies = stack.enter_context(start_proxies(variables))
                variables |= changed
            environment: dict[str, str] = {}
            refused: Sequence[str] = ()
            if profile.intercept:
                from trackproof.testbed.intercept_proxy import start_intercept_proxy  # noqa: PLC0415 - slow import, rarely used

                hosts = {
                    host: _fill(profile, url, variables) for host, url in profile.intercept.items()
                }
                proxy = stack.enter_context(start_intercept_proxy(hosts, self.folder))
                variables |= {"proxy.url": proxy.url, "proxy.ca": str(proxy.ca_file)}
                environment |= proxy.environment()
                refused = proxy.refused
            environment |= {
                name: _fill(profile, value, variables)
                for name, value in profile.environment.items()
            }
            environment |= bypass_variables({**os.environ, **environment})
            yield Surroundings(
                variables, environment, database, refused, traffic, starts, proxies, servers
            )

    @contextmanager
    def fleet(
        self,
        profile: FleetProfile,
        surroundings: Surroundings | None = None,
        *,
        watched: bool = False,
    ) -> Iterator[Fleet]:
        """Start a fleet against this testbed and end it with the block.

        Args:
            profile: The fleet.
            surroundings: Where it starts, if that runs already.
            watched: As in `surroundings`, which this starts if it is left out.

        Raises:
            FleetError: The fleet cannot be started, or its profile uses an unknown variable.
            TestbedError: Its Redis or intercept proxy cannot be started.
        """
        with ExitStack() as stack:
            around = surroundings or stack.enter_context(
                self.surroundings(profile, watched=watched)
            )
            variables = around.variables
            fleet = Fleet(
                replace(
                    profile,
                    transcript_url=_fill_url(profile, profile.transcript_url, variables),
                    events_redis=_fill_url(profile, profile.events_redis, variables),
                    events_websocket=_fill_url(profile, profile.events_websocket, variables),
                ),
                {**self._process_variables(profile), **around.environment},
                self.folder,
                database_url=around.database_url,
                redis_url=variables.get("redis.url", ""),
                intercepted=around.refused,
                traffic=around.traffic,
                migrated=(profile.name, around.database_url) in self.migrated,
                variables=variables,
            )
            self.migrated.add((profile.name, around.database_url))
            stack.callback(fleet.stop)
            yield fleet

    def _process_variables(self, profile: FleetProfile) -> dict[str, str]:
        """Return the variables of a fleet that this process starts."""
        if profile.container is not None:
            return {}
        # Temporary files of a killed fleet are removed with the testbed's folder.
        scratch = self.folder / "tmp"
        scratch.mkdir(exist_ok=True)
        if "PYTHONIOENCODING" not in os.environ:
            return {"TMPDIR": str(scratch)}
        # It describes the user's terminal; a fleet writes into a log in UTF-8.
        return {"TMPDIR": str(scratch), "PYTHONIOENCODING": "utf-8"}


def uses_redis(profile: FleetProfile) -> bool:
    """Return whether a fleet needs a Redis of the testbed."""
    return bool(REDIS_VARIABLES & profile_variables(profile) or profile.events_redis)


def database_choice(profile: FleetProfile, option: str | None) -> str | None:
    """Return the database to start for a fleet: the user's choice, else what the profile needs.

    Raises:
        UsageError: The user chose another kind than the fleet needs.
    """
    kind = needed_database(profile)
    if kind is None or option is None:
        return option or kind
    if (option if option in STARTED else kind_of(option)) != kind:
        raise UsageError(
            f"fleet {profile.name!r} needs the database {kind}",
            hint=f"leave out --database, or give {kind} or a URL of one",
        )
    return option


def _fill_url(profile: FleetProfile, template: str, variables: Mapping[str, str]) -> str:
    return _fill(profile, template, {**variables, "transcript_id": "{transcript_id}"})


def _fill(profile: FleetProfile, text: str, variables: Mapping[str, str]) -> str:
    try:
        return fill(text, variables)
    except (LookupError, ValueError) as error:
        raise FleetError(
            f"the environment of fleet {profile.name!r} cannot be filled",
            evidence=f"{type(error).__name__}: {error}",
            hint=f"variables have the form {{s3.endpoint}}: {variable_list()}",
        ) from error


def free_port() -> int:
    """Return a free port of loopback."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
    return port
