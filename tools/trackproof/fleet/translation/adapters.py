"""Conductor and S3 of a testbed, in the contracts' terms, for a fleet that has its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackproof.fleet.translation.field_map import TemplateMap
from trackproof.fleet.translation.translator import Translator
from trackproof.testbed.conductor.rest import ConductorRest, Json
from trackproof.testbed.s3.server import ObjectVersion, S3Server
from trackproof.testbed.stand_ins.faults import Fault, Faults
from trackproof.testbed.stand_ins.ledger import Ledger, Request

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class TranslatedRest(ConductorRest):
    """The same server, spoken to in the contracts' terms."""

    def __init__(self, rest: ConductorRest, translator: Translator) -> None:
        """Share the connections of `rest`."""
        self.api_url = rest.api_url
        self._http = rest._http
        self._translator = translator
        self.watchers = []

    def start_workflow(
        self,
        name: str,
        version: int | None = None,
        input: Mapping[str, Any] | None = None,  # noqa: A002
        correlation_id: str | None = None,
    ) -> str:
        """Start a run of a registered workflow and return its id."""
        said, said_version = self._translator.workflow_name_to_fleet(name, version)
        given = self._translator.workflow_input(input or {})
        return super().start_workflow(said, said_version, given, correlation_id)

    def start_inline_workflow(
        self,
        definition: Mapping[str, Any],
        input: Mapping[str, Any],  # noqa: A002
        task_to_domain: Mapping[str, str] | None = None,
    ) -> str:
        """Start a run of a one-task workflow that is not registered and return its id."""
        said, given = self._translator.inline_workflow_to_fleet(definition, input)
        domains = {self._translator.task_to_fleet(k): v for k, v in (task_to_domain or {}).items()}
        return super().start_inline_workflow(said, given, domains)

    def poll(self, task: str, *, worker: str, domain: str | None = None) -> Json | None:
        """Take one task of a type, as a worker does; None where none waits."""
        return super().poll(self._translator.task_to_fleet(task), worker=worker, domain=domain)

    def _from_fleet(self, run: Json) -> Json:
        """Return a run in the contracts' terms."""
        return self._translator.run_from_fleet(run)

    def poll_data(self) -> list[Json]:
        """Tell who polls which queue, and when last."""
        told = []
        for entry in super().poll_data():
            domain, colon, name = entry["queueName"].rpartition(":")
            queue = f"{domain}{colon}{self._translator.task_from_fleet(name)}"
            told.append({**entry, "queueName": queue})
        return told

    def task_definitions(self) -> list[Json]:
        """Return every registered task definition."""
        return [
            self._translator.task_definition_from_fleet(one) for one in super().task_definitions()
        ]

    def task_definition(self, name: str) -> Json | None:
        """Return a registered task definition, or None if there is none."""
        found = super().task_definition(self._translator.task_to_fleet(name))
        return None if found is None else self._translator.task_definition_from_fleet(found)

    def workflow_definition(self, name: str, version: int | None = None) -> Json | None:
        """Return a registered workflow definition, or None if there is none."""
        found = super().workflow_definition(*self._translator.workflow_name_to_fleet(name, version))
        return None if found is None else self._translator.workflow_from_fleet(found)


class TranslatedLedger(Ledger):
    """The same requests, about objects by the contracts' keys."""

    def __init__(self, real: Ledger, keys: TemplateMap) -> None:
        """Show what `real` has written down, which stays in charge of writing."""
        self.__dict__.update(real.__dict__)
        self._real = real
        self._templates = keys

    def clear(self) -> None:
        """Forget everything."""
        self._real.clear()

    def _snapshot(self) -> list[Request]:
        return [self._from_fleet(request) for request in super()._snapshot()]

    def _from_fleet(self, request: Request) -> Request:
        path = with_key(self._templates.from_fleet, request.path)
        return request if path == request.path else replace(request, path=path)


class TranslatedFaults(Faults):
    """The same rules, told in the contracts' keys and met by the fleet's own."""

    def __init__(self, real: Faults, keys: TemplateMap) -> None:
        """Share all rules with `real`."""
        self.__dict__.update(real.__dict__)
        self._templates = keys

    def add(self, *faults: Fault) -> None:
        """Put rules in force; their paths are in the contracts' terms."""
        super().add(*map(self._to_fleet, faults))

    def _to_fleet(self, fault: Fault) -> Fault:
        path = fault.path and with_key(self._templates.to_fleet, fault.path)
        return fault.model_copy(update={"path": path})


def with_key(reword: Callable[[str], str], path: str) -> str:
    """Return the path of an object, `/bucket/key` or a glob of it, with its key reworded."""
    key = path.removeprefix("/").partition("/")[2]
    return path.removesuffix(key) + reword(key)


class TranslatedS3(S3Server):
    """The same server, with objects by the contracts' keys."""

    def __init__(self, real: S3Server, keys: TemplateMap) -> None:
        """Share everything with `real`, which stays in charge of starting and stopping."""
        self.__dict__.update(real.__dict__)
        self._real = real
        self._templates = keys
        self.ledger = TranslatedLedger(real.ledger, keys)
        self.faults = TranslatedFaults(real.faults, keys)

    def client(self) -> S3Client:
        """Return a client of the server; keys are the fleet's own to it."""
        return self._real.client()

    def put_file(self, bucket: str, key: str, path: Path) -> None:
        """Store a file as an object."""
        self._real.put_file(bucket, self._templates.to_fleet(key), path)

    def presign(self, bucket: str, key: str, *, expires_in: int = 3600) -> str:
        """Return a URL to read an object by; `expires_in` is in seconds."""
        return self._real.presign(bucket, self._templates.to_fleet(key), expires_in=expires_in)

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Return the keys there are now, sorted."""
        found = map(self._templates.from_fleet, self._real.keys(bucket))
        return sorted(key for key in found if key.startswith(prefix))

    def versions(self, bucket: str) -> dict[str, str]:
        """Return the version of every object there is now, by key."""
        return {
            self._templates.from_fleet(key): version
            for key, version in self._real.versions(bucket).items()
        }

    def read(self, bucket: str, key: str) -> bytes:
        """Return the content of an object that is there now."""
        return self._real.read(bucket, self._templates.to_fleet(key))

    def history(self, bucket: str, key: str) -> list[ObjectVersion]:
        """Return everything that happened to a key, oldest first; empty when it never was."""
        return self._real.history(bucket, self._templates.to_fleet(key))

    def read_version(self, bucket: str, key: str) -> bytes:
        """Return the last content of an object, even if it has been deleted since."""
        return self._real.read_version(bucket, self._templates.to_fleet(key))
