"""Remove keys and signatures from everything that a verification writes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

SIGNED_QUERY = re.compile(r"\?[^\s\"'<>]*(X-Amz-|Signature=|\bsig=)[^\s\"'<>]*")

PRIVATE_NAME = re.compile("KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
MIN_SECRET_CHARACTERS = 8
"""A shorter value, such as `1` or `true`, is no secret, and its removal would garble texts."""

T = TypeVar("T")


def redacted(text: str, secrets: Sequence[str]) -> str:
    """Return `text` without the queries of presigned URLs and without any of `secrets`.

    Half a surrogate pair, which JSON can hold and UTF-8 cannot, is written as an escape.
    """
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    text = SIGNED_QUERY.sub("?<signed>", text)
    for secret in secrets:
        text = text.replace(secret, "<secret>")
    return text


def secrets_in(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of variables that are secret by their names, such as `OPENAI_API_KEY`."""
    return tuple(
        value
        for name, value in environment.items()
        if PRIVATE_NAME.search(name) and len(value) >= MIN_SECRET_CHARACTERS
    )


def redacted_parts(value: T, secrets: Sequence[str]) -> T:
    """Return a dataclass, mapping or sequence with each text in it redacted, at any depth."""
    return cast("T", _redacted_parts(value, secrets))


def _redacted_parts(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        return redacted(value, secrets)
    if isinstance(value, Mapping):
        return {name: _redacted_parts(one, secrets) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_redacted_parts(one, secrets) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = {
            one.name: _redacted_parts(getattr(value, one.name), secrets) for one in fields(value)
        }
        return replace(value, **parts)
    return value
