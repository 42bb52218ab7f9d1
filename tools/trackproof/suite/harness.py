"""What a clause test is handed: meetings to order, tasks to drive, services to break."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from fixtures_audio import Meeting, make_meeting, write_meeting
from trackproof.fleet import Fleet
from trackproof.lab import Testbed
from trackproof.runs.ids import names
from trackproof.runs.scenario import ZULIP_STREAM, Scenario
from trackproof.runs.task_run import TaskRun, TaskRunner
from trackproof.suite.timeout_trials import Trials
from trackproof.testbed.stand_ins.faults import Fault


class Harness:
    """One fleet on one testbed, for one test after the other."""

    def __init__(self, testbed: Testbed, fleet: Fleet, *, time_scale: float) -> None:
        """Work with a fleet that polls already.

        Args:
            testbed: What the fleet talks to.
            fleet: The fleet under test.
            time_scale: What time-outs are multiplied with where they are waited for.
        """
        testbed = testbed.translated_for(fleet)
        self.testbed = testbed
        self.fleet = fleet
        self.time_scale = time_scale
        self.task_runner = TaskRunner(testbed, fleet)
        self.trials = Trials(testbed.rest, self.task_runner.definitions, time_scale)
        """What the server does with a worker that does not answer, task by task."""
        self.runs: list[TaskRun] = []
        """What was driven in this test, oldest first: the evidence of a failing clause."""
        self.transcripts: list[str] = []
        """The ids of all that were ordered, in every test."""
        self._latest: Scenario | None = None
        self._logged = 0

    def fresh(self) -> None:
        """Make ready for the next test: no faults, no evidence."""
        self.mend()
        self.runs.clear()
        self._latest = None
        self._logged = len(self.fleet.log())

    def close(self) -> None:
        """End what runs in the background."""
        self.trials.close()

    def log_since_fresh(self) -> str:
        """Return what the fleet has logged in this test."""
        return self.fleet.log()[self._logged :]

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every key that the fleet was given: none may stand in a report."""
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
        session: bool = True,
        webhook: str | None = "served",
        zulip_stream: str | None = ZULIP_STREAM,
        **transcript: Any,
    ) -> Scenario:
        """Order a meeting: rows in the fleet's database, raw tracks in S3, Daily's knowledge.

        Every call gives new ids, so that tests do not meet. The same words are said for the same
        arguments; encoded audio is kept for the next test that asks for it.

        Args:
            tracks: How many participants.
            offsets: When each track begins, in seconds; made up from `seed` by default.
            seconds: How long it lasts.
            seed: Decides words, names and gaps.
            denied: Tracks whose participants deny consent.
            consents: Rows `{"participant_id", "granted"}` instead of one for each track.
            audio: Other files for some tracks, by track index.
            session: Whether Daily knows the meeting's session.
            webhook: The room's webhook URL: the stand-in's by default, None for none.
            zulip_stream: Where the room posts to; None for nowhere.
            transcript: Columns of the transcript's row, such as `title="Plans"`.
        """
        begins = None if offsets is None else tuple(offsets)
        spoken, files = _spoken(self.testbed.folder, tracks, begins, seconds, seed)
        replaced = tuple((audio or {}).get(index, path) for index, path in enumerate(files))
        scenario = Scenario(spoken, replaced, frozenset(denied), names().new(), names().moment)
        scenario.publish(self.testbed, session=session)
        if webhook == "served":
            webhook = f"{self.testbed.served.urls['webhook']}/{scenario.room_name}"
        rows = scenario.rows(webhook, self.testbed.stand_ins.credentials.webhook_secret)
        rows["room"]["zulip_stream"] = zulip_stream
        rows["transcript"] |= transcript
        if consents is not None:
            rows["consents"] = [dict(one) for one in consents]
        scenario.ids.update(self.fleet.seed(rows))
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
        **fields: Any,
    ) -> TaskRun:
        """Drive one task to its end and return all that was seen.

        Args:
            task: The task type.
            payload: Its input; or give its fields by name.
            about: The meeting whose row and events are looked at; the last one by default.
            retries: How often a failed attempt is followed by another, at most; as the fleet
                has registered it by default.
            fields: The input, field by field.
        """
        [run] = self.run_tasks(task, [{**(payload or {}), **fields}], about=about, retries=retries)
        return run

    def run_tasks(
        self,
        task: str,
        payloads: Sequence[Mapping[str, Any]],
        *,
        about: Scenario | None = None,
        retries: int | None = None,
    ) -> list[TaskRun]:
        """Drive one task for each of some inputs, side by side; return their runs in that order.

        What was seen meanwhile (requests, events, objects, the row) is told with every run.
        """
        meeting = about or self._latest
        runs = self.task_runner.run_tasks(
            task,
            payloads,
            transcript_id=meeting.transcript_id if meeting else None,
            retries=retries,
        )
        self.runs.extend(runs)
        return runs

    def break_service(self, service: str, **how: Any) -> None:
        """Have a stand-in or `s3` misbehave until the test ends; `how` is a `Fault`'s fields."""
        place = self.testbed.s3 if service == "s3" else self.testbed.stand_ins
        place.faults.add(Fault(service=service, **how))

    def mend(self) -> None:
        """Have all services behave again."""
        self.testbed.stand_ins.faults.clear()
        self.testbed.s3.faults.clear()


@cache
def _spoken(
    folder: Path, tracks: int, offsets: tuple[float, ...] | None, seconds: float, seed: int
) -> tuple[Meeting, tuple[Path, ...]]:
    """Return a meeting and its audio, written once for as long as `folder` lasts."""
    spoken = make_meeting(tracks=tracks, seconds=seconds, seed=seed, offsets=offsets)
    return spoken, tuple(write_meeting(spoken, Path(mkdtemp(prefix="audio-", dir=folder))))
