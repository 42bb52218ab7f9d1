"""The whole testbed: Conductor, S3, stand-ins and a folder for everything that runs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

from tools.errors import FleetError
from tools.testbed.conductor import ConductorServer, start_conductor
from tools.testbed.conductor.rest import ConductorRest
from tools.testbed.database import database_for, default_database
from tools.testbed.fleet import Fleet, FleetProfile
from tools.testbed.s3 import S3Server
from tools.testbed.services.serving import ServedStandIns
from tools.testbed.services.stand_ins import StandIns

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
    ) -> Iterator[Self]:
        """Start all parts; they are ended when the block ends, however it ends.

        Args:
            conductor: `auto`, `container`, `process` or the URL of a running server.
            version: Version of the server to start.
            report: Takes one line at a time on what is being started.
            database: `sqlite`, `postgres` or the URL of a database; by default what
                TRACKPROOF_DATABASE says, else `sqlite`.

        Raises:
            TestbedError: A part could not be started.
        """
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trackproof-")))
            database_url = stack.enter_context(database_for(database or default_database(), folder))
            s3 = stack.enter_context(S3Server([RECORDING_BUCKET, TRANSCRIPT_BUCKET]))
            stand_ins = StandIns()
            served = stack.enter_context(stand_ins.serve())
            server = stack.enter_context(start_conductor(conductor, version, report=report))
            rest = stack.enter_context(ConductorRest(server.api_url))
            yield cls(server, rest, s3, stand_ins, served, folder, database_url)

    def places(self) -> dict[str, Any]:
        """Return every place and key that a profile can name, as `{s3.endpoint}`."""
        keys, urls = self.stand_ins.credentials, self.served.urls
        return {
            "conductor": SimpleNamespace(api_url=self.conductor.api_url),
            "daily": SimpleNamespace(url=urls["daily"], key=keys.daily_key),
            "modal": SimpleNamespace(url=urls["modal"], key=keys.modal_key),
            "llm": SimpleNamespace(url=urls["llm"], key=keys.llm_key),
            "zulip": SimpleNamespace(url=urls["zulip"], email=keys.zulip_email, key=keys.zulip_key),
            "webhook": SimpleNamespace(url=urls["webhook"], secret=keys.webhook_secret),
            "s3": SimpleNamespace(
                endpoint=self.s3.endpoint,
                access_key=self.s3.access_key,
                secret_key=self.s3.secret_key,
                region=self.s3.region,
                recording_bucket=RECORDING_BUCKET,
                transcript_bucket=TRANSCRIPT_BUCKET,
            ),
            "database": SimpleNamespace(url=self.database_url),
            "folder": str(self.folder),
        }

    @contextmanager
    def fleet(self, profile: FleetProfile) -> Iterator[Fleet]:
        """Start a fleet against this testbed; it is ended when the block ends.

        Raises:
            FleetError: The profile names a place that there is not.
        """
        places = self.places()
        try:
            told = {name: value.format(**places) for name, value in profile.environment.items()}
        except (AttributeError, LookupError, ValueError) as error:
            raise FleetError(
                f"the environment of fleet {profile.name!r} cannot be filled",
                evidence=f"{type(error).__name__}: {error}",
                hint=f"places are named like {{s3.endpoint}}: {', '.join(_named(places))}",
            ) from error
        # What a killed fleet leaves behind goes with the testbed's folder.
        scratch = self.folder / "tmp"
        scratch.mkdir(exist_ok=True)
        environment = {**os.environ, "TMPDIR": str(scratch), **told}
        fleet = Fleet(profile, environment, self.folder)
        try:
            yield fleet
        finally:
            fleet.stop()


def _named(places: Mapping[str, Any]) -> list[str]:
    return [
        f"{place}.{part}" if part else place
        for place, parts in places.items()
        for part in (vars(parts) if isinstance(parts, SimpleNamespace) else [""])
    ]
