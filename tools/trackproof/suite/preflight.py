"""Checks before a verification: what must be right, and what a user should know."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

from trackproof.contracts.load import load_contracts
from trackproof.errors import FleetError, TestbedError
from trackproof.fleet import Fleet
from trackproof.fleet.profile import FleetProfile
from trackproof.fleet.translation.definitions import definitions
from trackproof.fleet.translation.translator import Translator
from trackproof.lab import Testbed
from trackproof.suite.assertions import readable
from trackproof.testbed.conductor.registration import SERVER_OWNED, is_registered
from trackproof.testbed.conductor.rest import ConductorRest, http_client, split_queue
from trackproof.testbed.conductor.schema_enforcement import enforces_schemas
from trackproof.testbed.conductor.versions import VERSIONS

CLOCK_SECONDS: Final = 5.0
"""How far the server's clock may be from ours: its times are compared with ours."""
FOREIGN_SECONDS: Final = 3.0
"""How long a shared server is watched for other workers."""
RECENT_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.1
CONNECT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class PreflightResult:
    """The result of one check."""

    about: str
    """`polls`, `pollers`, `definitions`, `schemas`, `clock`, `ports`, `versions` or `hosts`."""
    good: bool
    text: str
    fatal: bool = False
    """Whether a verification cannot begin."""


def before_the_fleet(testbed: Testbed, profile: FleetProfile) -> Iterator[PreflightResult]:
    """Check the testbed before the fleet starts."""
    yield from _ports(testbed)
    yield _clock(testbed.rest.api_url)
    yield _version(testbed)
    yield _schemas(testbed.rest.api_url)
    yield _others(testbed, profile)


def with_the_fleet(
    testbed: Testbed, fleet: Fleet, tasks: Sequence[str]
) -> Iterator[PreflightResult]:
    """Check a fleet that runs and has registered its definitions.

    Args:
        testbed: In the contracts' terms or the fleet's.
        fleet: The fleet.
        tasks: The task types that will be judged.
    """
    known, polled = load_contracts().tasks, fleet.polled(testbed.rest)
    missing = sorted(set(tasks) - polled)
    yield PreflightResult(
        "polls",
        not missing,
        f"not polled: {', '.join(missing)}"
        if missing
        else f"{len(polled & set(known))} of {len(known)} task types are polled",
        fatal=bool(missing),
    )
    if strange := sorted(polled - set(known) - set(fleet.profile.other_tasks)):
        yield PreflightResult(
            "polls",
            good=False,
            text=f"polled but not in the contracts: {', '.join(strange)}; declare them in "
            "[tasks] or other_tasks",
            fatal=True,
        )
    yield from _drift(testbed, fleet, tasks)
    if fleet.intercepted:
        hosts = ", ".join(sorted(set(fleet.intercepted)))
        yield PreflightResult("hosts", False, f"requested but not in [intercept]: {hosts}")


def refuse(profile: FleetProfile, results: Sequence[PreflightResult], log: str = "") -> None:
    """Raise a FleetError that lists every fatal result.

    Raises:
        FleetError: A result is fatal.
    """
    if fatal := [result.text for result in results if result.fatal]:
        raise FleetError(
            f"fleet {profile.name!r} cannot be judged: " + "\n".join(fatal),
            evidence=log,
            hint="`trackproof fleet check` runs all checks and explains each",
        )


def _ports(testbed: Testbed) -> Iterator[PreflightResult]:
    variables = {**testbed.variables(), "stand-ins.url": testbed.served.root_url}
    closed = []
    for name in ("conductor.api_url", "s3.endpoint", "stand-ins.url"):
        url = urlsplit(variables[name])
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            socket.create_connection((url.hostname or "", port), CONNECT_SECONDS).close()
        except OSError as error:
            closed.append(f"{name} at {url.hostname}:{port} ({error})")
    yield PreflightResult(
        "ports",
        not closed,
        f"closed: {', '.join(closed)}" if closed else "every part of the testbed listens",
        fatal=bool(closed),
    )


def _clock(api_url: str) -> PreflightResult:
    with http_client(api_url) as client:
        date = client.get(api_url.removesuffix("/api") + "/health").headers.get("date")
    if date is None:
        return PreflightResult("clock", True, "the server sends no date")
    ahead = parsedate_to_datetime(date).timestamp() - time.time()
    far = abs(ahead) > CLOCK_SECONDS + 1  # the header has whole seconds
    way = "ahead of" if ahead > 0 else "behind"
    return PreflightResult(
        "clock",
        not far,
        f"the server's clock is {abs(ahead):.0f} s {way} this machine's: synchronize both"
        if far
        else "the server's clock agrees with this machine's",
        fatal=far,
    )


def _version(testbed: Testbed) -> PreflightResult:
    version = testbed.conductor.version
    known = version in VERSIONS
    return PreflightResult(
        "versions",
        known,
        f"Conductor {version}"
        if known
        else f"Conductor {version} is not a tested version: {', '.join(VERSIONS)}",
    )


def _schemas(api_url: str) -> PreflightResult:
    """Say whether the server enforces schemas, which the definitions of the suite switch off."""
    try:
        enforced = enforces_schemas(api_url)
    except TestbedError as error:
        return PreflightResult("schemas", False, f"enforcement cannot be tried: {error.what}")
    return PreflightResult(
        "schemas",
        True,
        "the server enforces schemas; the suite registers with enforceSchema false"
        if enforced
        else "the server enforces no schemas",
    )


def _others(testbed: Testbed, profile: FleetProfile) -> PreflightResult:
    """Find workers that poll although the fleet does not run."""
    mine = PreflightResult("pollers", True, "no other worker polls these task types")
    if profile.attach or testbed.conductor.backend != "url":
        return mine  # the fleet runs already, or the server is not shared
    translator, tasks = Translator(profile), load_contracts().tasks

    def last_polls() -> dict[tuple[str, str], float]:
        types = map(translator.task_to_fleet, tasks) if profile.domain else ()
        entries = testbed.rest.poll_data(types)
        return {
            (split_queue(entry)[1], str(entry.get("workerId"))): entry["lastPollTime"]
            for entry in entries
            if split_queue(entry)[0] == profile.domain
            and translator.task_from_fleet(split_queue(entry)[1]) in tasks
        }

    before = last_polls()
    if not any(at > (time.time() - RECENT_SECONDS) * 1000 for at in before.values()):
        return mine
    deadline = time.monotonic() + FOREIGN_SECONDS
    while time.monotonic() < deadline:
        moved = {one for one, at in last_polls().items() if at > before.get(one, 0)}
        if moved:
            queues = ", ".join(sorted({queue for queue, _ in moved}))
            workers = ", ".join(sorted({worker for _, worker in moved}))
            return PreflightResult(
                "pollers",
                good=False,
                text=f"other workers poll {queues}: {workers}; stop them, "
                "use a server of your own, or give the fleet a `domain` of its own",
                fatal=True,
            )
        time.sleep(POLL_SECONDS)
    return mine


def _drift(testbed: Testbed, fleet: Fleet, tasks: Sequence[str]) -> Iterator[PreflightResult]:
    """Compare the server's definitions with the contracts', the profile's overlay included."""
    wanted, workflow = definitions(fleet.profile)
    with ConductorRest(testbed.rest.api_url) as server:
        present = {one["name"]: one for one in server.task_definitions()}
        found = server.workflow_definition(workflow["name"], workflow.get("version"))
    judged = {fleet.translator.task_to_fleet(name) for name in tasks}
    drifted = [
        f"{task['name']}: {difference}"
        for task in wanted
        if task["name"] in judged and (difference := _difference(present.get(task["name"]), task))
    ]
    if fleet.profile.serves:
        pass  # the workflow is somebody else's
    elif found is None:
        drifted.append(f"workflow {workflow['name']}/{workflow.get('version')} is not registered")
    elif not is_registered(found, workflow):
        name = f"workflow {workflow['name']}/{workflow.get('version')}"
        drifted += [f"{name}: {one}" for one in workflow_differences(found, workflow)]
    for one in drifted:
        yield PreflightResult("definitions", good=False, text=one)
    if not drifted:
        yield PreflightResult(
            "definitions", good=True, text="the server has the contracts' definitions"
        )


def workflow_differences(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    """Yield one text for each step or field in which a registered workflow differs."""
    registered, expected = _steps(present), _steps(wanted)
    yield from (f"step {name} is missing" for name in expected if name not in registered)
    yield from (
        f"step {name} is not in the contract" for name in registered if name not in expected
    )
    both = [name for name in expected if name in registered]
    if both != [name for name in registered if name in expected]:
        yield f"the order of the steps is {', '.join(registered)}"
    pairs = [
        ("", present, wanted),
        *((f"{name}.", registered[name], expected[name]) for name in both),
    ]
    for prefix, found, right in pairs:
        for key in dict.fromkeys([*right, *found]):
            if key in {"tasks", "forkTasks", *SERVER_OWNED}:
                continue  # steps are compared one by one
            if not is_registered({key: found.get(key)}, {key: right.get(key)}):
                values = f"{readable(found.get(key))}, not {readable(right.get(key))}"
                yield f"{prefix}{key} is {values}"


def _steps(workflow: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return every step of a workflow, those of fork branches included, by reference name."""
    steps: dict[str, Mapping[str, Any]] = {}
    for task in workflow.get("tasks") or ():
        steps[task["taskReferenceName"]] = task
        for branch in task.get("forkTasks") or ():
            steps |= _steps({"tasks": branch})
    return steps


def _difference(present: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> str:
    if present is None:
        return "is not registered"
    return ", ".join(
        f"{key} is {readable(present.get(key))}, not {readable(value)}"
        for key, value in wanted.items()
        # Descriptions are free, and old servers drop schemas.
        if key not in {"description", "inputSchema", "outputSchema", "enforceSchema"}
        and not is_registered(present.get(key), value)
    )
