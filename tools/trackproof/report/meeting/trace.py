"""A run as a trace in the Chrome format, which ui.perfetto.dev and chrome://tracing open."""

from __future__ import annotations

from typing import Any, Final

from trackproof.events.meeting import MeetingResult
from trackproof.events.runs import RunEnded

STEPS: Final = 1
SERVICES: Final = 2


def trace_of(ended: RunEnded, result: MeetingResult | None) -> dict[str, Any]:
    """Return the attempts and the requests to services as trace events, in microseconds."""
    events: list[dict[str, Any]] = [
        _named("process_name", STEPS, 0, "tasks"),
        _named("process_name", SERVICES, 0, "services"),
    ]
    threads: dict[str, int] = {}
    for one in ended.timeline.attempts if ended.timeline else ():
        if one.reference not in threads:
            threads[one.reference] = len(threads) + 1
            events.append(_named("thread_name", STEPS, threads[one.reference], one.reference))
        if one.began is None:
            continue
        where = {"pid": STEPS, "tid": threads[one.reference], "ph": "X", "cat": "task"}
        queued = {"name": "queue", "ts": _us(one.began - one.waited), "dur": _us(one.waited)}
        events.append({**where, **queued})
        details = {"status": one.status, "attempt": one.number, "reason": one.reason}
        work = {"name": one.reference, "ts": _us(one.began), "dur": _us(one.seconds)}
        events.append({**where, **work, "args": details})
    requests = result.requests if result else ()
    start = min((one.at for one in requests), default=0.0)
    services = {name: n for n, name in enumerate(sorted({one.service for one in requests}), 1)}
    events += [_named("thread_name", SERVICES, n, name) for name, n in services.items()]
    events += [
        {
            "name": f"{one.method} {one.path}",
            "cat": "request",
            "ph": "X",
            "pid": SERVICES,
            "tid": services[one.service],
            "ts": _us(one.at - start),
            "dur": _us(one.seconds),
            "args": {"status": one.status, "injected fault": one.faulted},
        }
        for one in requests
    ]
    return {"displayTimeUnit": "ms", "traceEvents": events}


def _named(kind: str, process: int, thread: int, name: str) -> dict[str, Any]:
    return {"name": kind, "ph": "M", "pid": process, "tid": thread, "args": {"name": name}}


def _us(seconds: float) -> int:
    return round(max(seconds, 0.0) * 1_000_000)
