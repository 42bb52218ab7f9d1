"""Bugs of send_webhook."""

from __future__ import annotations

from tests.mutants.mutant import Mutant, with_definition

MUTANTS = (
    Mutant(
        "send_webhook-three-retries",
        "send_webhook",
        "it is registered with the three retries of the others",
        with_definition("send_webhook", retryCount=3),
        killed_by=("send_webhook.definition",),
        where="register",
    ),
    Mutant(
        "send_webhook-signs-other-bytes",
        "send_webhook",
        "the signature is made over JSON written anew, with other blanks",
        """
        import json
        import reference_workers.services.webhook as webhook
        right = webhook.signature
        webhook.signature = lambda secret, t, body: right(
            secret, t, json.dumps(json.loads(body)).encode()
        )
        """,
        killed_by=("send_webhook.signature",),
    ),
    Mutant(
        "send_webhook-retries-4xx",
        "send_webhook",
        "a refusal is tried again",
        """
        from importlib import import_module
        worker = import_module("reference_workers.workers.send_webhook")
        worker.is_retryable = lambda status: status >= 400
        """,
        killed_by=("send_webhook.no-retry-on-4xx",),
    ),
    Mutant(
        "send_webhook-gives-up-on-5xx",
        "send_webhook",
        "a 5xx is taken for an answer",
        """
        from importlib import import_module
        worker = import_module("reference_workers.workers.send_webhook")
        worker.is_retryable = lambda status: False
        """,
        killed_by=("send_webhook.retry-on-5xx", "send_webhook.errors"),
    ),
    Mutant(
        "send_webhook-always-first-try",
        "send_webhook",
        "X-Webhook-Retry is always 0",
        """
        from reference_workers.services.webhook import Webhook
        right = Webhook.send
        Webhook.send = lambda self, *a, retry, **k: right(self, *a, retry=0, **k)
        """,
        killed_by=("send_webhook.retry-on-5xx",),
    ),
)
