"""Writing of one kept run: a folder that only its owner can read, without keys and signed URLs."""

from __future__ import annotations

import json
import os
import re
import secrets as random_secrets
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from trackproof.contracts.compat.release_document import working_version
from trackproof.contracts.load import ROOT
from trackproof.errors import TrackproofError
from trackproof.events.lines import event_as_json
from trackproof.events.runs import AttemptsSeen, ResultSeen, RunEnded, RunStarted, StepsSeen
from trackproof.events.stream import Event
from trackproof.events.timeline import Timeline
from trackproof.events.verification import VerifyEnded
from trackproof.scenarios import ScenarioFile
from trackproof.suite.assertions import shortened
from trackproof.suite.redaction import redacted_parts
from trackproof.verify.run_store.record import RECORD, RunRecord, Verb
from trackproof.verify.run_store.store import RECORD_FILE, STATE_VARIABLE, Limits, RunStore

REASON_CHARACTERS: Final = 4_000
"""Limit for the reason of one failed attempt."""
EVENTS_FILE: Final = "events.ndjson"
WORDS: Final = {
    "HELD": "held",
    "HELD IN PART": "held in part",
    "FAILED": "failed",
    "INTERRUPTED": "interrupted",
}


def begin_run(
    verb: Verb, *, fleet: str, name: str = "", scenario: ScenarioFile | None = None
) -> RunFolder:
    """Create the folder of a run that begins now, in the default store.

    Raises:
        TrackproofError: The folder cannot be created.
    """
    now = datetime.now(UTC)
    plain = re.sub("[^a-z0-9]+", "-", (name or verb).lower()).strip("-")[:60] or verb
    run_id = f"{now:%Y%m%d-%H%M%S}-{plain}-{random_secrets.token_hex(2)}"
    record = RunRecord(
        id=run_id,
        verb=verb,
        began_at=now.isoformat(timespec="milliseconds"),
        fleet=fleet,
        scenario=scenario,
        versions={"trackproof": version("trackproof"), "contracts": working_version(ROOT)},
    )
    return RunFolder(RunStore.default(), record)


def kept_writers(verb: Verb, fleet: str, report: Callable[[str], None]) -> list[RunFolder]:
    """Return the writer that keeps a run; none, with a line that says why, if it cannot be kept."""
    try:
        return [begin_run(verb, fleet=fleet, name=verb)]
    except TrackproofError as error:
        report(f"{error.what}; {error.hint}")
        return []


class RunFolder:
    """The folder of a run that is under way; also a writer of its events."""

    def __init__(self, store: RunStore, record: RunRecord) -> None:
        """Create the folder.

        Raises:
            TrackproofError: It cannot be created.
        """
        self.store = store
        self.record = record
        self.path = store.path(record.id)
        try:
            self.path.mkdir(mode=0o700, parents=True)
            self.write_text("pid", str(os.getpid()))
        except OSError as error:
            raise TrackproofError(
                f"the run is not kept: {self.path} cannot be written ({error.strerror or error})",
                hint=f"make the folder writable, or set {STATE_VARIABLE} to one that is",
            ) from error
        self._steps: object = None
        self._save()

    def write(self, event: Event) -> None:
        """Keep an event, and the record at the run's end; a full disk does not end the run."""
        with suppress(OSError):
            self._write(event)

    def _write(self, event: Event) -> None:
        if isinstance(event, AttemptsSeen | ResultSeen) or not self._is_new(event):
            return
        line = json.dumps(event_as_json(event, datetime.now(UTC)), default=str)
        path = self.path / EVENTS_FILE
        path.touch(mode=0o600)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
        match event:
            case RunStarted():
                self._change(conductor=f"{event.version} ({event.backend})")
            case RunEnded():
                self._end(
                    WORDS[event.word],
                    event.headline,
                    conductor=f"{event.version} ({event.backend})",
                    run=_with_short_reasons(event),
                )
            case VerifyEnded():
                self._end(
                    WORDS[event.word],
                    event.headline,
                    conductor=f"{event.version} ({event.backend})",
                    verification=event,
                )
            case _:
                pass

    def _is_new(self, event: Event) -> bool:
        """Return whether an event is news: steps are seen ten times a second."""
        if not isinstance(event, StepsSeen):
            return True
        steps = [(one.name, one.status, one.attempts, one.branches_done) for one in event.steps]
        is_new, self._steps = steps != self._steps, steps
        return is_new

    def end_rehearsal(self, result: dict[str, Any], verdict: str, headline: str) -> None:
        """Keep the result of a rehearsal."""
        self._end(verdict, headline, rehearsal=result)

    def write_json(self, name: str, content: Any, secrets: Sequence[str] = ()) -> None:
        """Write a file of JSON, redacted."""
        text = json.dumps(redacted_parts(content, secrets), ensure_ascii=False, default=str)
        self.write_text(name, text)

    def write_text(self, name: str, text: str) -> None:
        """Write a text file in one step."""
        self.write_bytes(name, text.encode("utf-8", "backslashreplace"))

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file in one step."""
        write_private(self.path / name, content)

    def _end(self, verdict: str, headline: str, **changes: Any) -> None:
        ended = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._change(verdict=verdict, headline=headline, ended_at=ended, **changes)
        (self.path / "pid").unlink(missing_ok=True)
        self.store.gc(Limits(), keep=self.record.id)

    def _change(self, **changes: Any) -> None:
        self.record = replace(self.record, **changes)
        self._save()

    def _save(self) -> None:
        self.write_bytes(RECORD_FILE, RECORD.dump_json(self.record, indent=1))


def write_private(path: Path, content: bytes) -> None:
    """Replace a file in one step by one that only its owner can read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def _with_short_reasons(ended: RunEnded) -> RunEnded:
    if ended.timeline is None:
        return ended
    attempts = tuple(
        replace(one, reason=shortened(one.reason, REASON_CHARACTERS))
        for one in ended.timeline.attempts
    )
    timeline: Timeline = replace(ended.timeline, attempts=attempts)
    return replace(ended, timeline=timeline)
