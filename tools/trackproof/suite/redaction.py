"""Keep keys and signatures out of everything a verification writes down."""

from __future__ import annotations

import re
from collections.abc import Sequence

SIGNED_QUERY = re.compile(r"\?[^\s\"'<>]*(X-Amz-|Signature=)[^\s\"'<>]*")


def redacted(text: str, secrets: Sequence[str]) -> str:
    """Return `text` without the queries of presigned URLs and without any of `secrets`.

    Half a surrogate pair, which JSON can hold and no file can, is spelt out.
    """
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    text = SIGNED_QUERY.sub("?<signed>", text)
    for secret in secrets:
        text = text.replace(secret, "<secret>")
    return text
