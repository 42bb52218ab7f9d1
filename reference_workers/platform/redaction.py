"""Take out of a text what nobody may read: keys, passwords, signatures in URLs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import SecretStr
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from reference_workers.settings import Settings

HIDDEN = "…"

SHORTEST = 6
"""Characters of a secret: anything shorter would be found in every other word."""

_QUERY = re.compile(r"([a-z][a-z0-9+.-]*://[^\s?'\"<>]*)\?[^\s'\"<>]+", re.IGNORECASE)
_LOGIN = re.compile(r"([a-z][a-z0-9+.-]*://)[^\s/?#'\"]*@", re.IGNORECASE)
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/-]+=*", re.IGNORECASE)
_SIGNATURE = re.compile(
    r"\b(X-Amz-(?:Signature|Credential|Security-Token))=[^\s&'\"]+", re.IGNORECASE
)


class Redactor:
    """Knows the secrets of one deployment; libraries put them into errors, URLs and all."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Prepare.

        Args:
            secrets: What to hide wherever it stands, besides queries and logins of URLs.
        """
        known = sorted({one for one in secrets if len(one) >= SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        """Return `text` without secrets."""
        if self._known:
            text = self._known.sub(HIDDEN, text)
        text = _QUERY.sub(rf"\1?{HIDDEN}", text)
        text = _LOGIN.sub(rf"\1{HIDDEN}@", text)
        text = _BEARER.sub(rf"\1 {HIDDEN}", text)
        return _SIGNATURE.sub(rf"\1={HIDDEN}", text)


def secrets_of(settings: Settings) -> list[str]:
    """Return every secret a deployment is configured with."""
    keys = [
        one.get_secret_value()
        for name in type(settings).model_fields
        for one in _several(getattr(settings, name))
        if isinstance(one, SecretStr)
    ]
    passwords = [_password(url) for url in (settings.database_url, settings.redis_url) if url]
    return [secret for secret in (*keys, *passwords) if secret]


def _several(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


def _password(url: str) -> str | None:
    try:
        return make_url(url).password
    except ArgumentError:
        return None
