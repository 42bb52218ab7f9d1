"""One TLS context for all HTTP clients of a process: loading the CA bundle takes 25 ms each."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def context() -> ssl.SSLContext:
    """Return the shared TLS context; SSL_CERT_FILE is read at the first call."""
    return httpx.create_ssl_context()
