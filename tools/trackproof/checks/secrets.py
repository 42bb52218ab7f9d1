"""Is every key where it belongs, and nowhere else?

A presigned URL may travel where the contracts want one (`padded_url`, `audio_url` and the like),
and its signature nowhere besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence
from trackproof.testbed.stand_ins.ledger import Request

SIGNATURE = "X-Amz-Signature"
SHOWN = 5


def checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the verdict on secrets."""
    leaks = [
        f"{place} holds {secret[:4]}…"
        for place, text in _places(evidence)
        for secret in evidence.secrets
        if secret in text
    ]
    leaks += [
        f"{place} holds {SIGNATURE}" for place, text in _places(evidence) if SIGNATURE in text
    ]
    leaks += [
        f"{request.service} was shown {secret[:4]}…, which is not its own"
        for request in evidence.requests
        for secret in evidence.secrets
        if secret != _own_key(evidence, request.service) and secret in str(request.headers)
    ]
    leaks = list(dict.fromkeys(leaks))
    more = f" and {len(leaks) - SHOWN} more" if len(leaks) > SHOWN else ""
    yield Check(
        "secrets.kept",
        not leaks,
        "; ".join(leaks[:SHOWN]) + more
        or f"none of {len(evidence.secrets)} keys and no signature in log, events, results, "
        f"reasons and {len(evidence.requests)} requests",
    )


def _places(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield every text that others read; in results and requests URLs have fields of their own."""
    workflow = evidence.workflow
    yield "the fleet's log", evidence.fleet_log
    yield "an event", str(evidence.events)
    yield "the transcript's row", str(evidence.transcript)
    yield "the workflow's output", str(workflow.get("output"))
    yield "the workflow's reason", str(workflow.get("reasonForIncompletion"))
    for task in workflow["tasks"]:
        name = task["referenceTaskName"]
        yield f"the output of {name}", str(_without_urls(task.get("outputData")))
        yield f"the reason of {name}", str(task.get("reasonForIncompletion"))
    for request in evidence.requests:
        yield f"a request to {request.service}", _told(request)


def _told(request: Request) -> str:
    body = request.json if request.json is not None else request.form
    return f"{request.path} {request.query} {_without_urls(body)}"


def _without_urls(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: _without_urls(one, str(key)) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_urls(one, name) for one in value]
    is_its_place = name.endswith(("url", "urls"))
    return "a URL" if is_its_place and isinstance(value, str) and "://" in value else value


def _own_key(evidence: Evidence, service: str) -> str | None:
    keys = evidence.stand_ins.credentials
    return {"daily": keys.daily_key, "modal": keys.modal_key, "llm": keys.llm_key}.get(service)
