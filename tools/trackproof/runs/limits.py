"""Time limits and poll intervals of runs, in seconds."""

from __future__ import annotations

from typing import Final

TASK_SECONDS: Final = 30.0
"""From the start of a one-task workflow to its end."""

POLL_SECONDS: Final = 0.02
"""Poll interval of a one-task workflow."""

TIMEOUT_SECONDS: Final = 30.0
"""From a scaled time-out to the server's reaction."""

FOLLOW_SECONDS: Final = 0.1
"""Poll interval of a pipeline run."""

STALL_SECONDS: Final = 300.0
"""Longest time without progress in a pipeline run."""

PIPELINES_SECONDS: Final = 120.0
"""From the start of concurrent pipeline runs to the end of the last one."""

STATUS_SECONDS: Final = 20.0
"""From the end of a pipeline run to the transcript's final status."""
