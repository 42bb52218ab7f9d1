"""What a process trusts: read once, where each of its thirty HTTP clients would read it anew."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def context() -> ssl.SSLContext:
    """Return the one TLS context; SSL_CERT_FILE counts as it is at the first call."""
    return httpx.create_ssl_context()
