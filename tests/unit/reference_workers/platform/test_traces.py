from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from reference_workers.errors import TransientError
from reference_workers.platform import traces
from reference_workers.platform.traces import NoTraces, open_traces
from reference_workers.workers import WORKERS
from tests.unit.background import in_background
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, Json, WorkerHarness, topic

pytest.importorskip("opentelemetry.sdk", reason="the extra `traces` is not installed")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from reference_workers.platform.spans import Spans, workflow_span

TITLE: Json = {"topics": [topic()], "transcript_id": TRANSCRIPT_ID}


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(harness: WorkerHarness, exporter: InMemorySpanExporter) -> Iterator[WorkerHarness]:
    """A harness that records spans in memory."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with closing(Spans(provider)) as spans:
        yield replace(harness, clients=replace(harness.clients, traces=spans))


def context(span: ReadableSpan) -> Any:
    span_context = span.get_span_context()
    assert span_context is not None
    return span_context


def test_a_task_is_a_span_with_attributes_and_calls(
    traced: WorkerHarness, exporter: InMemorySpanExporter
) -> None:
    traced.execute("generate_title", TITLE, attempt=2)

    (span,) = exporter.get_finished_spans()
    attributes = dict(span.attributes or {})
    assert span.name == "generate_title"
    assert (attributes["task"], attributes["attempt"]) == ("generate_title", 2)
    assert (attributes["transcript_id"], attributes["status"]) == (TRANSCRIPT_ID, "COMPLETED")
    assert attributes["workflow_id"] == "workflow-1"
    assert attributes["calls"] == 1
    (event,) = span.events
    assert event.name == "POST llm.stand-in.test"
    assert (event.attributes or {})["status"] == 200
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.start_time <= event.timestamp <= span.end_time


def test_each_workflow_is_one_trace(traced: WorkerHarness, exporter: InMemorySpanExporter) -> None:
    for task_type, payload in (
        ("get_recording", {"recording_id": "rec-1"}),
        ("generate_title", TITLE),
    ):
        traced.execute(task_type, payload)

    one, two = exporter.get_finished_spans()
    assert context(one).trace_id == context(two).trace_id == workflow_span("workflow-1").trace_id
    assert context(one).span_id != context(two).span_id
    for span in (one, two):
        assert span.parent is not None
        assert span.parent.span_id == workflow_span("workflow-1").span_id
    assert workflow_span("workflow-2").trace_id != workflow_span("workflow-1").trace_id


def test_a_failed_task_is_an_error_span_without_secrets(
    traced: WorkerHarness, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Json:
        raise TransientError("no answer of https://s3.test/a?X-Amz-Signature=5ecret")

    monkeypatch.setitem(WORKERS, "generate_title", fail)

    traced.execute("generate_title", TITLE)

    (span,) = exporter.get_finished_spans()
    assert span.status.status_code.name == "ERROR"
    assert span.status.description == "no answer of https://s3.test/a?…"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_SERVICE_NAME": "fleet"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "TRUE"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"},
    ],
    ids=str,
)
def test_tracing_requires_an_endpoint(
    environment: dict[str, str],
) -> None:
    assert isinstance(open_traces(environment), NoTraces)


def test_a_missing_extra_disables_tracing_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "reference_workers.platform.spans")
    monkeypatch.delattr("reference_workers.platform.spans")
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    traces = open_traces({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})

    assert isinstance(traces, NoTraces)
    assert "trackproof[traces]" in capsys.readouterr().out


def test_spans_are_exported_to_the_endpoint(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server, in_background(server):
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        with closing(traces.open_traces()) as opened:
            clients = replace(harness.clients, traces=opened)
            replace(harness, clients=clients).execute("generate_title", TITLE)

    (sent,) = map(ExportTraceServiceRequest.FromString, bodies)
    (resource,) = sent.resource_spans
    names = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert names["service.name"] == "reference_workers"
    (span,) = resource.scope_spans[0].spans
    assert span.name == "generate_title"
    assert span.trace_id == workflow_span("workflow-1").trace_id.to_bytes(16)
    assert span.parent_span_id == workflow_span("workflow-1").span_id.to_bytes(8)
