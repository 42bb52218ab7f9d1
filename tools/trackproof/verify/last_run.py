"""The timeline of the last `trackproof run`, kept for `trackproof explain --last`.

One private file in the user's state folder. It has no keys and no queries of presigned URLs, and
the next run replaces it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import platformdirs
from pydantic import TypeAdapter, ValidationError

from trackproof.errors import TrackproofError, UsageError
from trackproof.events.timeline import Timeline
from trackproof.suite.assertions import shortened
from trackproof.suite.redaction import redacted_parts

STATE_VARIABLE: Final = "TRACKPROOF_STATE_DIR"
FILE_NAME: Final = "last-run.json"
REASON_CHARACTERS: Final = 4_000
"""Limit for the reason of one failed attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """What is kept of a run."""

    format: Literal[1] = 1
    kept_at: str
    """ISO 8601, UTC."""
    fleet: str
    conductor: str
    """Version and backend of the server."""
    timeline: Timeline


_LAST_RUN = TypeAdapter(LastRun)


def last_run_path() -> Path:
    """Return the file: in TRACKPROOF_STATE_DIR, else in the user's state folder."""
    chosen = os.environ.get(STATE_VARIABLE)
    folder = Path(chosen) if chosen else platformdirs.user_state_path("trackproof")
    return folder / FILE_NAME


def keep(run: LastRun, secrets: Sequence[str]) -> None:
    """Replace the kept run, in one step, by a file that only its owner can read.

    Raises:
        TrackproofError: The file cannot be written.
    """
    attempts = tuple(
        replace(one, reason=shortened(one.reason, REASON_CHARACTERS))
        for one in run.timeline.attempts
    )
    run = replace(run, timeline=replace(run.timeline, attempts=attempts))
    content = _LAST_RUN.dump_json(redacted_parts(run, secrets), indent=1)
    path = last_run_path()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{FILE_NAME}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(temporary).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        raise TrackproofError(
            f"the run is not kept for `trackproof explain --last`: {path} cannot be written "
            f"({error.strerror or error})",
            hint=f"make the folder writable, or set {STATE_VARIABLE} to one that is",
        ) from error


def read_last_run() -> LastRun:
    """Return the run that was kept last.

    Raises:
        UsageError: No run is kept, or its file cannot be read.
    """
    path = last_run_path()
    try:
        return _LAST_RUN.validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UsageError(
            f"no run is kept: {path} does not exist",
            hint="`trackproof run` keeps its run; for another one give its workflow id and "
            "--conductor URL",
        ) from None
    except OSError as error:
        raise UsageError(
            f"the last run cannot be read from {path} ({error.strerror or error})",
            hint="make the file readable, or run `trackproof run` again",
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"{path} does not hold a run of this version of trackproof",
            evidence=f"{where}: {first['msg']}" if where else first["msg"],
            hint="run `trackproof run` again: it replaces the file",
        ) from error
