"""Every time limit of a verification, in seconds, in one place."""

from __future__ import annotations

from typing import Final

DRIVE_SECONDS: Final = 30.0
"""From the start of a one-task workflow to its end."""

LOOK_SECONDS: Final = 0.02
"""Between two looks at a one-task workflow."""

TIMEOUT_SECONDS: Final = 30.0
"""Until a server has seen one scaled time-out."""

WHOLE_SECONDS: Final = 120.0
"""From the start of some whole pipelines, side by side, to the end of the last."""

STATUS_SECONDS: Final = 20.0
"""From a pipeline's end until the transcript's status tells of it."""
