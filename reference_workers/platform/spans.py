"""OpenTelemetry export: one span for each task, one trace for each workflow.

Trace id and parent span id are derived from the workflow id, so that processes agree on them
without passing context through Conductor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Self

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)

from reference_workers.metrics import Call
from reference_workers.platform.state.models import TaskCost

SERVICE = "reference_workers"
NANOSECONDS = 1_000_000_000


class Spans:
    """Records tasks as spans (see `traces.Traces`)."""

    def __init__(self, provider: TracerProvider) -> None:
        """Use `provider`; no global tracer provider is set."""
        self._provider = provider
        self._tracer = provider.get_tracer(SERVICE)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Export spans by OTLP over HTTP, configured by OpenTelemetry's variables."""
        named = {} if "OTEL_SERVICE_NAME" in environment else {SERVICE_NAME: SERVICE}
        provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    def record(
        self, cost: TaskCost, calls: Sequence[Call], *, started_at: float, reason: str | None
    ) -> None:
        """Record a finished task as a span."""
        span = self._tracer.start_span(
            cost.task_type,
            trace.set_span_in_context(NonRecordingSpan(workflow_span(cost.workflow_id))),
            kind=SpanKind.CONSUMER,
            attributes=_attributes(cost),
            start_time=_nanoseconds(started_at),
        )
        for call in calls:
            span.add_event(
                f"{call.action} {call.service}",
                {"seconds": call.seconds, "status": call.status or 0},
                timestamp=_nanoseconds(call.started_at),
            )
        if cost.status != "COMPLETED":
            span.set_status(Status(StatusCode.ERROR, reason))
        span.end(_nanoseconds(started_at + cost.seconds))

    def close(self) -> None:
        """Flush and shut down."""
        self._provider.shutdown()


def workflow_span(workflow_id: str) -> SpanContext:
    """Return the parent span of all tasks of a workflow: the same in every process."""
    return SpanContext(
        trace_id=int.from_bytes(hashlib.sha256(workflow_id.encode()).digest()[:16]),
        span_id=int.from_bytes(hashlib.sha256(f"{workflow_id}/meeting".encode()).digest()[:8]),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


def _attributes(cost: TaskCost) -> dict[str, str | int | float]:
    attributes: dict[str, str | int | float] = {
        "workflow_id": cost.workflow_id,
        "task": cost.reference,
        "task_id": cost.task_id,
        "attempt": cost.attempt,
        "status": cost.status,
        "calls": cost.calls,
        "bytes_in": cost.bytes_in,
        "bytes_out": cost.bytes_out,
        "audio_seconds": cost.audio_seconds,
        "prompt_tokens": cost.prompt_tokens,
        "completion_tokens": cost.completion_tokens,
    }
    if cost.transcript_id is not None:
        attributes["transcript_id"] = cost.transcript_id
    return attributes


def _nanoseconds(seconds: float) -> int:
    return int(seconds * NANOSECONDS)
