"""Redact keys, passwords and URL signatures from texts."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from pydantic import SecretStr
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from reference_workers.settings import Settings

HIDDEN = "…"

SHORTEST = 6
"""Minimum length of a redacted secret: a shorter one would match ordinary words."""

SHORTEST_FORM = 10
"""Minimum length of an encoded secret."""

_URL_SAFE = str.maketrans("+/", "-_")

_QUERY = re.compile(r"([a-z][a-z0-9+.-]*://[^\s?'\"<>]*)\?[^\s'\"<>]+", re.IGNORECASE)
_LOGIN = re.compile(r"([a-z][a-z0-9+.-]*://)[^\s/?#'\"]*@", re.IGNORECASE)
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/-]+=*", re.IGNORECASE)
_SIGNATURE = re.compile(
    r"\b(X-Amz-(?:Signature|Credential|Security-Token))=[^\s&'\"]+", re.IGNORECASE
)


class Redactor:
    """Redacts a deployment's secrets, and queries and logins of URLs."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """`secrets`: texts to redact, in addition to queries and logins of URLs."""
        long_enough = {form for secret in secrets for form in _forms(secret)}
        known = sorted(long_enough, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        """Return `text` with secrets replaced by HIDDEN."""
        if self._known:
            text = self._known.sub(HIDDEN, text)
        text = _QUERY.sub(rf"\1?{HIDDEN}", text)
        text = _LOGIN.sub(rf"\1{HIDDEN}@", text)
        text = _BEARER.sub(rf"\1 {HIDDEN}", text)
        return _SIGNATURE.sub(rf"\1={HIDDEN}", text)


def _forms(secret: str) -> set[str]:
    """Return a secret as it is, URL-encoded, and within base64 at each of the three positions."""
    if len(secret) < SHORTEST:
        return set()
    content = secret.encode()
    encoded = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    for before in range(3):
        text = b64encode(bytes(before) + content).decode()
        own = text[(8 * before + 5) // 6 : (before + len(content)) * 8 // 6]
        encoded |= {own, own.translate(_URL_SAFE)}
    return {secret, *(form for form in encoded if len(form) >= SHORTEST_FORM)}


def secrets_of(settings: Settings) -> list[str]:
    """Return every secret in the settings."""
    keys = [
        value.get_secret_value()
        for name in type(settings).model_fields
        for value in _as_tuple(getattr(settings, name))
        if isinstance(value, SecretStr)
    ]
    passwords = [_password(url) for url in (settings.database_url, settings.redis_url) if url]
    return [secret for secret in (*keys, *passwords) if secret]


def _as_tuple(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


def _password(url: str) -> str | None:
    try:
        return make_url(url).password
    except ArgumentError:
        return None
