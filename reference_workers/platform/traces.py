"""Tracing of tasks, enabled by OpenTelemetry's endpoint variables and the extra `traces`.

`reference_workers.platform.spans`, and with it OpenTelemetry, is imported only if enabled.
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
    """Records finished tasks."""

    def record(
        self, cost: TaskCost, calls: Sequence[Call], *, started_at: float, reason: str | None
    ) -> None:
        """Record a finished task.

        Args:
            cost: The task's identity, status and costs.
            calls: Its requests to outside services.
            started_at: Epoch seconds.
            reason: Why it failed, without secrets.
        """

    def close(self) -> None:
        """Flush and shut down."""


class NoTraces:
    """Records nothing."""

    def record(
        self, cost: TaskCost, calls: Sequence[Call], *, started_at: float, reason: str | None
    ) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def open_traces(environment: Mapping[str, str] = os.environ) -> Traces:
    """Return the recorder that OpenTelemetry's variables configure."""
    if not _is_enabled(environment):
        return NoTraces()
    try:
        from reference_workers.platform import spans  # noqa: PLC0415 - an extra, not always there
    except ImportError:
        log.warning(
            "tracing is disabled: the extra is not installed",
            hint="pip install 'trackproof[traces]'",
        )
        return NoTraces()
    return spans.Spans.from_environment(environment)


def _is_enabled(environment: Mapping[str, str]) -> bool:
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "otlp").strip() != "otlp":
        return False
    return any(environment.get(name) for name in ENDPOINTS)
