"""Whether tasks are traced: only where the environment says where to, and the extra is there.

`reference_workers.platform.spans`, and with it OpenTelemetry, is imported only then.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Protocol

import structlog

from reference_workers.metrics import Call
from reference_workers.platform.state.models import TaskCost

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

log = structlog.get_logger()


class Traces(Protocol):
    """Takes note of tasks that have ended."""

    def record(
        self, cost: TaskCost, calls: Sequence[Call], *, started_at: float, reason: str | None
    ) -> None:
        """Note a task.

        Args:
            cost: Who did what for whom, how it ended and what it cost.
            calls: What was asked outside.
            started_at: Epoch seconds.
            reason: Why it failed, without secrets.
        """

    def close(self) -> None:
        """Send what is still to be sent."""


class NoTraces:
    """Takes note of nothing."""

    def record(
        self, cost: TaskCost, calls: Sequence[Call], *, started_at: float, reason: str | None
    ) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def open_traces(environment: Mapping[str, str] = os.environ) -> Traces:
    """Return what takes note of tasks, as OpenTelemetry's own variables want it."""
    if not _is_enabled(environment):
        return NoTraces()
    try:
        from reference_workers.platform import spans  # noqa: PLC0415 - an extra, not always there
    except ImportError:
        log.warning("tasks are not traced", hint="pip install 'trackproof[traces]'")
        return NoTraces()
    return spans.Spans.from_environment(environment)


def _is_enabled(environment: Mapping[str, str]) -> bool:
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "otlp").strip() != "otlp":
        return False
    return any(environment.get(name) for name in ENDPOINTS)
