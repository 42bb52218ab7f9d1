"""Commands of a profile that run once, to their end."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from trackproof.errors import FleetError
from trackproof.fleet.log_text import readable_log
from trackproof.fleet.profile import FleetProfile

SECONDS: Final = {"register_command": 60.0, "migrate_command": 120.0}
"""Time limits by key."""
TAIL_LINES = 30


def run_to_end(
    profile: FleetProfile,
    key: Literal["register_command", "migrate_command"],
    cwd: Path,
    environment: Mapping[str, str],
) -> None:
    """Run the command under a key of the profile.

    Raises:
        FleetError: It cannot be started, fails, or does not end in time; the evidence is its
            output.
    """
    subject, seconds = f"{key} of fleet {profile.name!r}", SECONDS[key]
    try:
        subprocess.run(  # noqa: S603
            getattr(profile, key),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=environment,
            timeout=seconds,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise FleetError(
            f"{subject} exited with {error.returncode}",
            evidence=_readable(error.stdout),
            hint=f"run it by hand, or correct {key}",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise FleetError(
            f"{subject} did not end within {seconds:g} s",
            evidence=_readable(error.stdout),
            hint="it must end by itself",
        ) from error
    except OSError as error:
        raise FleetError(
            f"{subject} cannot be started", evidence=str(error), hint=f"check {key}"
        ) from error


def _readable(output: bytes | None) -> str:
    return readable_log((output or b"").decode(errors="replace"), TAIL_LINES)
