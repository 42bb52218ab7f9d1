"""The folder of kept runs: list, find, remove, and limits of number, age and size."""

from __future__ import annotations

import calendar
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from trackproof.errors import TrackproofError, UsageError
from trackproof.verify.run_store.record import RECORD, RUNNING, RunRecord

STATE_VARIABLE: Final = "TRACKPROOF_STATE_DIR"
FOLDER: Final = Path(".trackproof/runs")
RECORD_FILE: Final = "run.json"
ID: Final = re.compile(r"[0-9]{8}-[0-9]{6}-[a-z0-9-]{1,60}-[0-9a-f]{4}")
MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What the store may hold; the oldest runs go first."""

    runs: int = 100
    days: float = 30.0
    megabytes: float = 2_000.0


def runs_folder() -> Path:
    """Return the folder: in TRACKPROOF_STATE_DIR if it is set, else in the current folder."""
    chosen = os.environ.get(STATE_VARIABLE)
    return Path(chosen) / "runs" if chosen else FOLDER


@dataclass(frozen=True, slots=True)
class RunStore:
    """The kept runs of one folder."""

    folder: Path

    @classmethod
    def default(cls) -> RunStore:
        """Return the store of `runs_folder`."""
        return cls(runs_folder())

    def ids(self) -> list[str]:
        """Return the ids of all runs, newest first."""
        if not self.folder.is_dir():
            return []
        return sorted(one.name for one in self.folder.iterdir() if ID.fullmatch(one.name))[::-1]

    def records(self) -> Iterator[RunRecord]:
        """Yield every readable run, newest first."""
        for run_id in self.ids():
            try:
                yield self.read(run_id)
            except UsageError:
                continue  # another version wrote it, or it has just been removed

    def path(self, run_id: str, *parts: str) -> Path:
        """Return the folder of a run, or a file in it."""
        if not ID.fullmatch(run_id):
            raise UsageError(f"{run_id!r} is no run id", hint="`trackproof runs list` shows them")
        return self.folder.joinpath(run_id, *parts)

    def read(self, run_id: str) -> RunRecord:
        """Return a run.

        Raises:
            UsageError: There is none, or it cannot be read.
        """
        path = self.path(run_id, RECORD_FILE)
        try:
            return RECORD.validate_json(path.read_bytes())
        except FileNotFoundError:
            raise UsageError(
                f"no run {run_id} is kept in {self.folder}",
                hint="`trackproof runs list` shows them",
            ) from None
        except OSError as error:
            raise UsageError(
                f"the run cannot be read from {path} ({error.strerror or error})",
                hint="make the file readable, or run it again",
            ) from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise UsageError(
                f"{path} does not hold a run of this version of trackproof",
                evidence=f"{where}: {first['msg']}" if where else first["msg"],
                hint="run it again",
            ) from error

    def find(self, name: str) -> RunRecord:
        """Return the run with an id, a unique part of one, or `last`.

        Raises:
            UsageError: No run or several runs match.
        """
        if name == "last":
            return self.latest()
        found = [one for one in self.ids() if name == one] or [
            one for one in self.ids() if name and name in one
        ]
        if len(found) != 1:
            problem = f"{len(found)} runs match" if found else "no run matches"
            raise UsageError(
                f"{problem} {name!r}",
                evidence="\n".join(found[:10]),
                hint="give an id that `trackproof runs list` shows",
            )
        return self.read(found[0])

    def latest(self, verb: str | None = None) -> RunRecord:
        """Return the run that began last.

        Raises:
            UsageError: No run is kept.
        """
        unreadable: UsageError | None = None
        for run_id in self.ids():
            try:
                record = self.read(run_id)
            except UsageError as error:
                unreadable = unreadable or error
                continue
            if verb is None or (record.verb == verb and record.run is not None):
                return record
        raise unreadable or UsageError(
            f"no run is kept: {self.folder} has none",
            hint="`trackproof run` keeps its run; for another one give its workflow id and "
            "--conductor URL",
        )

    def remove(self, run_id: str) -> None:
        """Remove a run with all its files.

        Raises:
            TrackproofError: They cannot be removed.
        """
        try:
            shutil.rmtree(self.path(run_id))
        except OSError as error:
            raise TrackproofError(f"run {run_id} cannot be removed", evidence=str(error)) from error

    def size(self, run_id: str) -> int:
        """Return the bytes of a run's files."""
        files = self.path(run_id).rglob("*")
        return sum(one.stat().st_size for one in files if one.is_file())

    def gc(self, limits: Limits, *, keep: str = "") -> list[str]:
        """Remove the oldest runs beyond the limits; return their ids.

        Args:
            limits: What the store may hold.
            keep: The id of a run that stays in any case.
        """
        removed, total = [], 0.0
        oldest = time.time() - limits.days * 86_400
        for number, run_id in enumerate(self.ids(), start=1):
            total += self.size(run_id) / MEGABYTE
            began = calendar.timegm(time.strptime(run_id[:15], "%Y%m%d-%H%M%S"))
            beyond = number > limits.runs or total > limits.megabytes or began < oldest
            if beyond and run_id != keep and not self._is_running(run_id):
                self.remove(run_id)
                removed.append(run_id)
        return removed

    def _is_running(self, run_id: str) -> bool:
        """Return whether a run's process lives: its folder holds the number."""
        try:
            if self.read(run_id).verdict != RUNNING:
                return False
            os.kill(int(self.path(run_id, "pid").read_text("utf-8")), 0)
        except (UsageError, OSError, ValueError):
            return False
        return True
