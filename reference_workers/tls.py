"""Trusted certificates: one TLS context for all HTTP clients, one file for all other libraries."""

from __future__ import annotations

import os
import ssl
from functools import cache

import certifi
import httpx


@cache
def context() -> ssl.SSLContext:
    """Return the shared TLS context; SSL_CERT_FILE is read at the first call.

    Shared, because loading the certificates takes 25 ms.
    """
    return httpx.create_ssl_context()


def ca_file() -> str:
    """Return the file of trusted certificates, for libraries without a Python context."""
    names = ("SSL_CERT_FILE", "AWS_CA_BUNDLE")
    return next((path for name in names if (path := os.environ.get(name))), certifi.where())
