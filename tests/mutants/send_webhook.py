"""Mutants of send_webhook."""

from __future__ import annotations

import json
import threading
from typing import Any

from reference_workers.errors import PermanentError, TransientError
from reference_workers.workers import Worker
from tests.mutants.model import Collection
from tests.mutants.patches import around, replace

TASK = "send_webhook"

mutant = Collection(TASK)


def _change_payload(change: Any) -> None:
    def make(write: Any) -> Any:
        def changed(*args: Any, **more: Any) -> Any:
            payload = write(*args, **more)
            change(payload)
            return payload

        return changed

    replace("workers.send_webhook", "_payload", make)


@mutant("payload")
def no_captions() -> None:
    """The payload lacks webvtt."""
    _change_payload(lambda payload: payload["transcript"].pop("webvtt"))


@mutant("payload")
def summaries_swapped() -> None:
    """The long and the short summary are swapped."""

    def swapped(payload: dict[str, Any]) -> None:
        sent = payload["transcript"]
        sent["long_summary"], sent["short_summary"] = sent["short_summary"], sent["long_summary"]

    _change_payload(swapped)


@mutant("payload")
def room_forgotten() -> None:
    """The payload lacks the room."""
    _change_payload(lambda payload: payload.pop("room"))


@mutant("payload")
def speakers_unnamed() -> None:
    """The participants lack their speaker."""

    def unnamed(payload: dict[str, Any]) -> None:
        sent = payload["transcript"]
        sent["participants"] = [
            {name: value for name, value in person.items() if name != "speaker"}
            for person in sent["participants"]
        ]

    _change_payload(unnamed)


def _sign(change: Any) -> None:
    replace(
        "services.webhook",
        "signature",
        lambda sign: lambda secret, timestamp, body: change(sign, secret, timestamp, body),
    )


@mutant("signature")
def signed_over_other_json() -> None:
    """The signature covers the JSON with other white space than the body."""
    _sign(lambda sign, secret, t, body: sign(secret, t, json.dumps(json.loads(body)).encode()))


@mutant("signature")
def signed_with_another_time() -> None:
    """The signed timestamp differs from the one in the header."""

    def shifted(sign: Any, secret: str, t: int, body: bytes) -> str:
        return f"t={t},{sign(secret, t + 1, body).partition(',')[2]}"

    _sign(shifted)


@mutant("signature")
def not_signed() -> None:
    """The webhook is not signed."""

    def make(send: Any) -> Any:
        def bare(self: Any, *args: Any, **more: Any) -> Any:
            return send(self, *args, **{**more, "secret": None})

        return bare

    replace("services.webhook:Webhook", "send", make)


@mutant("retry-on-5xx")
def gives_up_on_5xx() -> None:
    """A 5xx is not retried."""
    replace("workers.send_webhook", "is_retryable", lambda _: lambda status: False)


@mutant("retry-on-5xx")
def gives_up_on_lost_connection() -> None:
    """A lost connection is not retried."""

    def make(send: Any) -> Any:
        def final(*args: Any, **more: Any) -> Any:
            try:
                return send(*args, **more)
            except TransientError as error:
                raise PermanentError(str(error)) from error

        return final

    replace("services.webhook:Webhook", "send", make)


@mutant("retry-on-5xx")
def tries_not_counted() -> None:
    """X-Webhook-Retry is always 0."""

    def make(send: Any) -> Any:
        return lambda self, *args, **more: send(self, *args, **{**more, "retry": 0})

    replace("services.webhook:Webhook", "send", make)


@mutant("no-retry-on-4xx")
def retries_on_404() -> None:
    """A 404 is retried."""
    replace("workers.send_webhook", "is_retryable", lambda _: lambda status: status >= 400)


@mutant("no-retry-on-4xx")
def refusal_is_success() -> None:
    """The output reports a 4xx as sent."""

    def make(work: Worker) -> Worker:
        def proud(context: Any, **inputs: Any) -> dict[str, Any]:
            output = work(context, **inputs)
            return {**output, "sent": output["status_code"] is not None}

        return proud

    around(TASK, make)


@mutant("errors")
def failure_fails_the_meeting() -> None:
    """A failed delivery sets the finished transcript to error."""

    def make(work: Worker) -> Worker:
        def blaming(context: Any, *, transcript_id: str, **inputs: Any) -> dict[str, Any]:
            try:
                return work(context, transcript_id=transcript_id, **inputs)
            except (PermanentError, TransientError):
                with context.clients.state.unit_of_work(transcript_id) as unit:
                    unit.transcript.status = "error"
                raise

        return blaming

    around(TASK, make)


@mutant("large-meeting")
def long_transcripts_cut() -> None:
    """The payload's webvtt ends after 10,000 words."""
    replace(
        "workers.send_webhook",
        "to_webvtt",
        lambda right: lambda words, names: right(list(words)[:10_000], names),
    )


@mutant("other-rooms")
def one_delivery_at_a_time() -> None:
    """Deliveries wait for each other, and each answer is read to its end."""
    lock = threading.Lock()

    def make(send: Any) -> Any:
        def patient(*args: Any, **more: Any) -> Any:
            with lock:
                return send(*args, **{**more, "max_bytes": 10**9})

        return patient

    replace("services.webhook", "send_request", make)
