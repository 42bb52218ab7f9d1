"""Remove keys and signatures from everything that a verification writes."""

from __future__ import annotations

import re
from collections.abc import Sequence

SIGNED_QUERY = re.compile(r"\?[^\s\"'<>]*(X-Amz-|Signature=)[^\s\"'<>]*")


def redacted(text: str, secrets: Sequence[str]) -> str:
    """Return `text` without the queries of presigned URLs and without any of `secrets`.

    Half a surrogate pair, which JSON can hold and UTF-8 cannot, is written as an escape.
    """
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    text = SIGNED_QUERY.sub("?<signed>", text)
    for secret in secrets:
        text = text.replace(secret, "<secret>")
    return text
