"""The places and keys of the testbed that a profile can name, as `{s3.endpoint}`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Final

VARIABLES: Final[Mapping[str, str]] = {
    "conductor.api_url": "Conductor's API, with /api at its end",
    "daily.url": "Daily",
    "daily.key": "the key that Daily expects",
    "modal.url": "the transcription service",
    "modal.key": "the key that it expects",
    "llm.url": "the LLM, in the manner of OpenAI's API",
    "llm.key": "the key that it expects",
    "zulip.url": "Zulip",
    "zulip.email": "the bot's address",
    "zulip.key": "the bot's key",
    "webhook.url": "the customer's end of webhooks",
    "webhook.secret": "what signs them",
    "s3.endpoint": "S3",
    "s3.access_key": "its key id",
    "s3.secret_key": "its secret",
    "s3.region": "its region",
    "s3.recording_bucket": "where raw tracks are",
    "s3.transcript_bucket": "where results go",
    "database.url": "an empty database, as SQLAlchemy writes URLs",
    "database.file": "the same as a file's path; empty for PostgreSQL",
    "database.libpq": "the same as postgresql://…; empty for SQLite",
    "redis.url": "a Redis, started for whoever names it",
    "fleet.port": "a free port for the fleet's own server",
    "proxy.url": "the start_intercept_proxy proxy; empty without [intercept]",
    "proxy.ca": "a file with its CA; empty without [intercept]",
    "folder": "a folder that is emptied afterwards",
}
"""Every name, and what stands there."""


def variables_in(text: str) -> Iterator[str]:
    """Yield what a template names.

    Raises:
        ValueError: The braces do not fit together.
    """
    for _, name, _, _ in Formatter().parse(text):
        if name is not None:
            yield name


def template_error(text: str, *also: str) -> str:
    """Say what is wrong with a template, in a line; empty if nothing is.

    Args:
        text: The template.
        also: Names that are good here besides those of the testbed.
    """
    try:
        unknown = [name for name in variables_in(text) if name not in {*VARIABLES, *also}]
    except ValueError as error:
        return f"{error}; write {{{{ and }}}} for braces of its own"
    if not unknown:
        return ""
    near = difflib.get_close_matches(unknown[0], [*VARIABLES, *also], n=1)
    meant = f"; did you mean {{{near[0]}}}?" if near else ""
    return f"there is no place {{{unknown[0]}}}{meant}"


def variable_list(*also: str) -> str:
    """Return all names, as they are written in a profile."""
    return ", ".join(f"{{{name}}}" for name in (*VARIABLES, *also))


def fill(text: str, places: Mapping[str, str]) -> str:
    """Return the template with its variables filled in.

    Raises:
        LookupError: It names a place that there is not.
        ValueError: The braces do not fit together.
    """
    parts: list[str] = []
    for before, name, _, _ in Formatter().parse(text):
        parts.append(before)
        if name is not None:
            parts.append(places[name])
    return "".join(parts)
