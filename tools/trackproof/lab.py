"""The whole testbed: Conductor, S3, stand-ins and a folder for everything that runs."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from trackproof.errors import FleetError
from trackproof.fleet import Fleet, FleetProfile
from trackproof.fleet.profile import Ports
from trackproof.fleet.translation.adapters import TranslatedRest, TranslatedS3
from trackproof.fleet.variables import fill, variable_list, variables_in
from trackproof.testbed.conductor import ConductorServer, start_conductor
from trackproof.testbed.conductor.rest import ConductorRest
from trackproof.testbed.database import database_for, database_variables, default_database
from trackproof.testbed.s3.server import S3Server
from trackproof.testbed.stand_ins.server import ServedStandIns
from trackproof.testbed.stand_ins.stand_ins import StandIns

RECORDING_BUCKET = "recordings"
TRANSCRIPT_BUCKET = "transcripts"


@dataclass(frozen=True, slots=True)
class Testbed:
    """Everything a fleet talks to, running."""

    __test__ = False  # pytest: not a test class

    conductor: ConductorServer
    rest: ConductorRest
    s3: S3Server
    stand_ins: StandIns
    served: ServedStandIns
    folder: Path
    database_url: str
    """Where the fleet keeps its state."""

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
    ) -> Iterator[Self]:
        """Start all parts; they are ended when the block ends, however it ends.

        Args:
            conductor: `auto`, `container`, `process` or the URL of a running server.
            version: Version of the server to start.
            report: Takes one line at a time on what is being started.
            database: `sqlite`, `postgres` or the URL of a database; by default what
                TRACKPROOF_DATABASE says, else `sqlite`.
            ports: Where S3 and the stand-ins listen.

        Raises:
            TestbedError: A part could not be started.
        """
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trackproof-")))
            database_url = stack.enter_context(database_for(database or default_database(), folder))
            s3 = stack.enter_context(S3Server([RECORDING_BUCKET, TRANSCRIPT_BUCKET], port=ports.s3))
            stand_ins = StandIns()
            served = stack.enter_context(stand_ins.serve(port=ports.services))
            server = stack.enter_context(start_conductor(conductor, version, report=report))
            rest = stack.enter_context(ConductorRest(server.api_url))
            yield cls(server, rest, s3, stand_ins, served, folder, database_url)

    def variables(self) -> dict[str, str]:
        """Return every place and key that a profile can name, by its name: `s3.endpoint`."""
        keys, urls = self.stand_ins.credentials, self.served.urls
        return {
            "conductor.api_url": self.conductor.api_url,
            "daily.url": urls["daily"],
            "daily.key": keys.daily_key,
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
        """Return this testbed with the fleet's own terms translated into the contracts'."""
        if fleet.translator.is_identity or isinstance(self.rest, TranslatedRest):
            return self
        return replace(
            self,
            rest=TranslatedRest(self.rest, fleet.translator),
            s3=TranslatedS3(self.s3, fleet.translator.keys),
        )

    @contextmanager
    def fleet(self, profile: FleetProfile) -> Iterator[Fleet]:
        """Start a fleet against this testbed; it is ended when the block ends.

        Raises:
            FleetError: It cannot be started, or its profile names a place that there is not.
            TestbedError: What it needs besides cannot be started.
        """
        with ExitStack() as stack:
            database = profile.database or self.database_url
            places = {**self.variables(), **database_variables(database)}
            places |= {"fleet.port": str(free_port()), "proxy.url": "", "proxy.ca": ""}
            if "redis.url" in _named_by(profile) or profile.events_redis:
                from trackproof.testbed.redis import start_redis  # noqa: PLC0415 - slow to load, seldom needed

                places["redis.url"] = stack.enter_context(start_redis(free_port())).url
            told: dict[str, str] = {}
            if profile.container is None:
                # What a killed fleet leaves behind goes with the testbed's folder.
                scratch = self.folder / "tmp"
                scratch.mkdir(exist_ok=True)
                told["TMPDIR"] = str(scratch)
            if profile.intercept:
                from trackproof.testbed.intercept_proxy import start_intercept_proxy  # noqa: PLC0415 - likewise

                hosts = {
                    host: _filled(profile, url, places) for host, url in profile.intercept.items()
                }
                proxy = stack.enter_context(start_intercept_proxy(hosts, self.folder))
                places |= {"proxy.url": proxy.url, "proxy.ca": str(proxy.ca_file)}
                told |= proxy.environment()
            told |= {
                name: _filled(profile, value, places) for name, value in profile.environment.items()
            }
            fleet = Fleet(
                replace(
                    profile,
                    transcript_url=_url(profile, profile.transcript_url, places),
                    events_redis=_url(profile, profile.events_redis, places),
                    events_websocket=_url(profile, profile.events_websocket, places),
                ),
                told,
                self.folder,
                database_url=database,
                redis_url=places.get("redis.url", ""),
                intercepted=proxy.refused if profile.intercept else (),
            )
            stack.callback(fleet.stop)
            yield fleet


def _named_by(profile: FleetProfile) -> set[str]:
    named: set[str] = set()
    for text in profile.environment.values():
        with suppress(ValueError):  # told where it is filled
            named |= set(variables_in(text))
    return named


def _url(profile: FleetProfile, template: str, places: Mapping[str, str]) -> str:
    return _filled(profile, template, {**places, "transcript_id": "{transcript_id}"})


def _filled(profile: FleetProfile, text: str, places: Mapping[str, str]) -> str:
    try:
        return fill(text, places)
    except (LookupError, ValueError) as error:
        raise FleetError(
            f"the environment of fleet {profile.name!r} cannot be filled",
            evidence=f"{type(error).__name__}: {error}",
            hint=f"places are named like {{s3.endpoint}}: {variable_list()}",
        ) from error


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
    return port
