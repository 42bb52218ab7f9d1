"""Secrets: keys and URL signatures appear nowhere but in their own fields, in no encoding.

A presigned URL may appear in fields that the contracts define for URLs (`padded_url`, `audio_url`
and the like), and its signature nowhere else.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence
from trackproof.testbed.stand_ins.ledger import Request

SIGNATURE = "X-Amz-Signature"

SHORTEST_FORM = 10
"""Characters of an encoded secret that a text cannot have by chance."""


def checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the check on secrets."""
    leaks = leaking(dict(_texts(evidence)), evidence.secrets)
    leaks += [
        f"{request.service} received {secret[:4]}…, another service's key"
        for request in evidence.requests
        for secret in evidence.secrets
        if secret != _own_key(evidence, request.service) and secret in str(request.headers)
    ]
    leaks = list(dict.fromkeys(leaks))
    yield Check.of(
        "secrets.kept",
        leaks,
        otherwise=f"none of {len(evidence.secrets)} keys and no signature in log, events, results, "
        f"reasons and {len(evidence.requests)} requests",
    )


def leaking(texts: Mapping[str, str], secrets: Iterable[str]) -> list[str]:
    """Return which texts, by their source, contain a secret or a URL's signature."""
    forms = {f"{secret[:4]}…": forms_of(secret) for secret in secrets}
    forms[SIGNATURE] = forms_of(SIGNATURE)
    return [
        f"{source} contains {name}"
        for source, text in texts.items()
        for name, encoded in forms.items()
        if any(form in text for form in encoded)
    ]


@cache
def forms_of(secret: str) -> frozenset[str]:
    """Return a secret as it is, URL-encoded, in hexadecimal digits, and within base64.

    In base64 three groups of characters stand for a secret, depending on the length of what is
    before it; the characters that its neighbours share are left out.
    """
    content = secret.encode()
    forms = {content.hex(), quote(secret, safe="")}
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + content).decode()
        own = encoded[(8 * before + 5) // 6 : (before + len(content)) * 8 // 6]
        forms |= {own, own.translate(str.maketrans("+/", "-_"))}
    return frozenset({secret, *(form for form in forms if len(form) >= SHORTEST_FORM)})


def _texts(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield (source, text) for every text that others can read, without URL fields."""
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
        yield f"a request to {request.service}", _request_text(request)


def _request_text(request: Request) -> str:
    body = request.json if request.json is not None else request.form
    return f"{request.path} {request.query} {_without_urls(body)}"


def _without_urls(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: _without_urls(one, str(key)) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_urls(one, name) for one in value]
    is_url_field = name.endswith(("url", "urls"))
    return "a URL" if is_url_field and isinstance(value, str) and "://" in value else value


def _own_key(evidence: Evidence, service: str) -> str | None:
    keys = evidence.stand_ins.credentials
    return {"daily": keys.daily_key, "modal": keys.modal_key, "llm": keys.llm_key}.get(service)
