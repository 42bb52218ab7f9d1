"""The harness of a clause test: prepare meetings, run tasks, inject faults."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any, Literal, Self

from fixtures_audio import Meeting
from trackproof.checks.secrets import leaking
from trackproof.errors import FleetError, TrackproofError
from trackproof.fleet import Fleet
from trackproof.lab import Testbed
from trackproof.runs.follow import Workflow
from trackproof.runs.ids import id_sequence
from trackproof.runs.scenario import ZULIP_STREAM, ZULIP_TOPIC, Scenario
from trackproof.runs.task_run import TaskRun, TaskRunner
from trackproof.runs.unavailable import NotVisible
from trackproof.suite.meeting_audio import spoken_meeting
from trackproof.suite.run_rules import Visibility, broken_rules
from trackproof.suite.timeout_trials import TimeoutTrials
from trackproof.testbed.conductor.traffic import HELD_UPDATES, Traffic, UpdateFault
from trackproof.testbed.stand_ins.faults import Fault


class VacuousTestError(TrackproofError):
    """A test injected faults that no request of the fleet met."""

    @classmethod
    def of(cls, unmet: Iterable[str]) -> Self:
        """Return the error for faults in one line each."""
        return cls(
            "vacuous: no request of the fleet met the injected fault",
            evidence="\n".join(unmet),
            hint="the clause is not judged: the fleet did not make the request it is about",
        )


class Harness:
    """One fleet on one testbed, shared by all tests of a session."""

    def __init__(self, testbed: Testbed, fleet: Fleet, *, time_scale: float) -> None:
        """Use a fleet that polls already.

        Args:
            testbed: What the fleet talks to.
            fleet: The fleet under test.
            time_scale: Factor for the time-outs that tests wait for.
        """
        testbed = testbed.translated_for(fleet)
        self.testbed = testbed
        self.fleet = fleet
        self.time_scale = time_scale
        self.task_runner = TaskRunner(testbed, fleet)
        self.trials = TimeoutTrials(testbed.rest, self.task_runner.definitions, time_scale)
        """The time-out trial of each task."""
        self.registration_error: TrackproofError | None = None
        """Why the fleet's definitions are not registered; None if they are."""
        self.runs: list[TaskRun] = []
        """The runs of the current test, oldest first: the evidence of a failing clause."""
        self.transcripts: list[str] = []
        """The ids of all transcripts that were prepared, in every test."""
        self.leaks: list[str] = []
        """Secrets in logs, reasons and events, of all tests."""
        self.broken_rules: dict[str, list[str]] = {}
        """A line for each rule that a run broke, with its test, by task."""
        self.judged_tasks: set[str] = set()
        """Tasks of which a run was held against the rules."""
        self.workflow_ids: dict[str, None] = {}
        """The workflows of the current test, also of a run that raised an error."""
        self._latest: Scenario | None = None
        self._logged = 0
        self._thread = threading.get_ident()
        testbed.rest.watchers.append(self._see)

    def reset(self) -> None:
        """Start a test: without faults, without evidence."""
        self.clear_faults()
        self.runs.clear()
        self.workflow_ids.clear()
        self._latest = None
        self._logged = len(self.fleet.log())

    def close(self) -> None:
        """End the background trials."""
        self.trials.close()
        self.testbed.rest.watchers.remove(self._see)

    def _see(self, workflow: Mapping[str, Any]) -> None:
        if threading.get_ident() == self._thread:  # the trials run in threads of their own
            self.workflow_ids[str(workflow["workflowId"])] = None

    def log_of_test(self) -> str:
        """Return the fleet's log lines of the current test."""
        return self.fleet.log()[self._logged :]

    def record_leaks(self, test: str) -> None:
        """Look for secrets in what the fleet wrote during the current test."""
        texts = {"the log": self.log_of_test()}
        for run in self.runs:
            texts[f"the reason of {run.task}"] = " ".join(one.reason for one in run.attempts)
            if self.fleet.exposes_events:
                texts[f"an event of {run.task}"] = str(run.events)
        self.leaks += [f"{test}: {where}" for where in leaking(texts, self.secrets)]

    def broken_rules_of_test(self, *, alone: bool = True) -> dict[str, list[str]]:
        """Return the rules for every run that runs of the current test broke, by task.

        Args:
            alone: Whether no other work ran beside it.
        """
        visible = Visibility(self.fleet.exposes_rows, self.fleet.exposes_events, alone)
        broken: dict[str, list[str]] = {}
        for run in self.runs:
            self.judged_tasks.add(run.task)
            if lines := broken_rules(run, visible):
                broken.setdefault(run.task, []).extend(lines)
        return broken

    def record_broken_rules(self, test: str, *, alone: bool) -> Iterable[str]:
        """Add those rules to those of the whole verification; return their tasks."""
        broken = self.broken_rules_of_test(alone=alone)
        for task, lines in broken.items():
            self.broken_rules.setdefault(task, []).extend(f"{test}: {line}" for line in lines)
        return broken.keys()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every key that the fleet received; none may appear in a report."""
        return (*astuple(self.testbed.stand_ins.credentials), self.testbed.s3.secret_key)

    def meeting(
        self,
        *,
        tracks: int = 1,
        offsets: Sequence[float] | None = None,
        seconds: float = 8.0,
        seed: int = 0,
        denied: Sequence[int] = (),
        consents: Sequence[Mapping[str, Any]] | None = None,
        audio: Mapping[int, Path] | None = None,
        keys: Sequence[str] = (),
        recorded: tuple[Meeting, Sequence[Path]] | None = None,
        session: bool = True,
        webhook: str | None = "served",
        signed: bool = True,
        secret: str = "",
        zulip_stream: str | None = ZULIP_STREAM,
        run_id: str = "",
        room_of: Scenario | None = None,
        silent: Sequence[int] = (),
        languages: Mapping[str, str] | None = None,
        zulip_topic: str | None = ZULIP_TOPIC,
        **transcript: Any,
    ) -> Scenario:
        """Prepare a meeting: rows in the database, raw tracks in S3, the recording in Daily.

        Every call uses new ids, so that tests do not interfere. Equal arguments give equal words
        within a verification and others in the next, whose answers a fleet cannot have cached;
        encoded audio is cached.

        Args:
            tracks: How many participants.
            offsets: When each track begins, in seconds; drawn from `seed` by default.
            seconds: The length.
            seed: Decides times, names and gaps, and, with the verification, the words.
            denied: Tracks whose participants deny consent.
            consents: Rows `{"participant_id", "granted"}` instead of one for each track.
            audio: Other files for some tracks, by track index.
            keys: S3 keys of the raw tracks, in which `{room}` stands for the room's unique name;
                in Daily's scheme by default.
            recorded: A meeting and its files, instead of a generated one.
            session: Whether Daily has the id of the meeting's session.
            webhook: The room's webhook URL: the stand-in's by default, None for none.
            signed: Whether the room has a secret for its webhook.
            secret: That secret; the stand-in's by default.
            zulip_stream: The room's stream; None for none.
            run_id: The end of all its ids; a new one by default.
            room_of: A meeting in whose room this one is. A seeder that stores no room twice gets
                a room of its own.
            silent: Tracks without a word.
            languages: `source_language` and `target_language` of the workflow's input.
            zulip_topic: The room's topic; None for none.
            transcript: Columns of the transcript's row, such as `title="Plans"`.
        """
        begins = None if offsets is None else tuple(offsets)
        words_seed = id_sequence().words_seed(seed)
        spoken, files = recorded or spoken_meeting(
            *(self.testbed.folder, tracks, begins, seconds, seed, words_seed, tuple(silent))
        )
        replaced = tuple((audio or {}).get(index, path) for index, path in enumerate(files))
        scenario = Scenario(
            meeting=spoken,
            audio=replaced,
            denied=frozenset(denied),
            run_id=run_id or id_sequence().new(),
            started_at=id_sequence().started_at,
            room="" if room_of is None else room_of.room or room_of.run_id,
            languages=languages or {},
            key_patterns=tuple(keys),
        )

        def seed_rows(scenario: Scenario) -> None:
            served = f"{self.testbed.served.urls['webhook']}/{scenario.room_name}"
            url = served if webhook == "served" else webhook
            key = secret or self.testbed.stand_ins.credentials.webhook_secret
            rows = scenario.rows(url, key if signed else None)
            rows["room"] |= {"zulip_stream": zulip_stream, "zulip_topic": zulip_topic}
            rows["transcript"] |= transcript
            if consents is not None:
                rows["consents"] = [dict(one) for one in consents]
            scenario.ids.update(self.fleet.seed(rows))

        if room_of is not None and "room_id" in room_of.ids:
            scenario.ids["room_id"] = room_of.ids["room_id"]
        try:
            seed_rows(scenario)
        except FleetError:
            if room_of is None:
                raise
            scenario = replace(scenario, room="", ids={})
            seed_rows(scenario)
        scenario.publish(self.testbed, session=session)
        self.transcripts.append(scenario.transcript_id)
        self._latest = scenario
        return scenario

    def run_task(
        self,
        task: str,
        payload: Mapping[str, Any] | None = None,
        *,
        about: Scenario | None = None,
        retries: int | None = None,
        response_timeout: int | None = None,
        on_poll: Callable[[Workflow], None] = lambda _workflow: None,
        **fields: Any,
    ) -> TaskRun:
        """Run one task to its end and return everything observed.

        Args:
            task: The task type.
            payload: Its input; or give its fields by name.
            about: The meeting whose row and events are observed; the latest by default.
            retries: The retry count; as registered by the fleet by default.
            response_timeout: The response time-out in seconds; as registered by default.
            on_poll: Called with the run after each poll.
            fields: The input, field by field.
        """
        [run] = self.run_tasks(
            task,
            [{**(payload or {}), **fields}],
            about=about,
            retries=retries,
            response_timeout=response_timeout,
            on_poll=on_poll,
        )
        return run

    def run_tasks(
        self,
        task: str,
        payloads: Sequence[Mapping[str, Any]],
        *,
        about: Scenario | None = None,
        retries: int | None = None,
        response_timeout: int | None = None,
        on_poll: Callable[[Workflow], None] = lambda _workflow: None,
    ) -> list[TaskRun]:
        """Run one task for each input, side by side; return the runs in that order.

        Requests, events, objects and the row are those of all runs together.
        """
        meeting = about or self._latest
        runs = self.task_runner.run_tasks(
            task,
            payloads,
            transcript_id=meeting.transcript_id if meeting else None,
            retries=retries,
            response_timeout=response_timeout,
            on_poll=on_poll,
        )
        self.runs.extend(runs)
        return runs

    def break_service(self, service: str, **how: Any) -> None:
        """Inject a fault, of a `Fault`'s fields, into a stand-in or `s3` until the test ends."""
        place = self.testbed.s3 if service == "s3" else self.testbed.stand_ins
        place.faults.add(Fault(service=service, **how))

    @property
    def traffic(self) -> Traffic:
        """The fleet's requests to Conductor.

        Raises:
            NotVisible: They do not pass the laboratory's gateway.
        """
        if self.fleet.traffic is None:
            raise NotVisible(
                "traffic",
                "its requests to Conductor: `command` or `container` and a server nearby over HTTP",
            )
        return self.fleet.traffic

    def break_update(
        self,
        task: str,
        failure: Literal["status", "reset", "hold"],
        *,
        carried_out: bool = False,
    ) -> UpdateFault:
        """Inject a fault into the fleet's next result of a task, until the test ends.

        Raises:
            NotVisible: The fleet's requests to Conductor do not pass the laboratory's gateway.
        """
        name = self.fleet.translator.task_to_fleet(task)
        times = HELD_UPDATES if failure == "hold" else 1
        fault = UpdateFault(name, failure, carried_out=carried_out, times=times)
        self.traffic.add_fault(fault)
        return fault

    def check_faults(self) -> None:
        """Check that the fleet met a fault of the current test, if there was any.

        Raises:
            VacuousTestError: No request of the fleet met a fault, so the test proves nothing.
        """
        rules = (self.testbed.stand_ins.faults, self.testbed.s3.faults)
        updates = self.fleet.traffic.faults() if self.fleet.traffic else []
        unmet = [describe_fault(fault) for faults in rules for fault in faults.unmet()]
        unmet += [f"{one.failure} of a result of {one.task_type}" for one in updates if not one.met]
        if unmet and len(unmet) == sum(map(len, rules)) + len(updates):
            raise VacuousTestError.of(unmet)

    def clear_faults(self) -> None:
        """Remove all faults."""
        self.testbed.stand_ins.faults.clear()
        self.testbed.s3.faults.clear()
        if self.fleet.traffic is not None:
            self.fleet.traffic.clear_faults()


def describe_fault(fault: Fault) -> str:
    """Return a fault in one line: the requests it is for, and the failure."""
    requests = " ".join(part for part in (fault.service, fault.method, fault.path) if part)
    failure = fault.model_dump(exclude={"service", "method", "path"}, exclude_defaults=True)
    return f"{requests}: " + ", ".join(f"{name} {value}" for name, value in failure.items())
