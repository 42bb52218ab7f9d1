"""Presigned URLs, of either age of AWS' signatures."""

from __future__ import annotations

from trackproof.testbed.stand_ins.ledger import Request

SIGNATURES = frozenset({"X-Amz-Signature", "Signature"})


def is_presigned(request: Request) -> bool:
    """Tell whether a request came by a presigned URL, and not with a key of the asker's own."""
    return bool(SIGNATURES & request.query.keys())
