"""Time limits and poll intervals of runs, in seconds."""

from __future__ import annotations

from typing import Final

TASK_SECONDS: Final = 30.0
"""From the start of a one-task workflow to its end."""

POLL_SECONDS: Final = 0.02
"""Between two polls of a one-task workflow."""

TIMEOUT_SECONDS: Final = 30.0
"""Until a server reacts to one scaled time-out."""

FOLLOW_SECONDS: Final = 0.1
"""Between two polls of a pipeline run."""

STALL_SECONDS: Final = 300.0
"""Without any change, a pipeline run is given up."""

PIPELINES_SECONDS: Final = 120.0
"""From the start of several pipeline runs, side by side, to the end of the last."""

STATUS_SECONDS: Final = 20.0
"""From a pipeline's end until the transcript's status says so."""
