"""Variables of the testbed that a profile's templates can use, such as `{s3.endpoint}`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Final
from urllib.parse import quote

VARIABLES: Final[Mapping[str, str]] = {
    "conductor.api_url": "URL of Conductor's API, ending in /api",
    "daily.url": "URL of Daily",
    "daily.key": "API key of Daily",
    "daily.webhook_secret": "base64 key with which Daily signs its webhooks",
    "modal.url": "URL of the transcription service",
    "modal.key": "API key of the transcription service",
    "llm.url": "URL of the LLM's OpenAI-compatible API",
    "llm.key": "API key of the LLM",
    "zulip.url": "URL of Zulip",
    "zulip.email": "e-mail address of the bot",
    "zulip.key": "API key of the bot",
    "webhook.url": "URL of the webhook receiver",
    "webhook.secret": "secret that signs webhooks",
    "s3.endpoint": "URL of S3",
    "s3.access_key": "access key id of S3",
    "s3.secret_key": "secret access key of S3",
    "s3.region": "region of S3",
    "s3.recording_bucket": "bucket of raw tracks",
    "s3.transcript_bucket": "bucket of results",
    "database.url": "SQLAlchemy URL of an empty database",
    "database.file": "path of the database file; empty for PostgreSQL",
    "database.libpq": "libpq URL of the database; empty for SQLite",
    "database.host": "host of PostgreSQL, which starts when this is used; empty for SQLite",
    "database.port": "port of PostgreSQL",
    "database.name": "name of the database in PostgreSQL; empty for SQLite",
    "database.user": "user of PostgreSQL",
    "database.password": "password of PostgreSQL; may be empty",
    "redis.url": "URL of a Redis, started when used",
    "redis.host": "host of that Redis",
    "redis.port": "port of that Redis",
    "fleet.port": "a free port for the fleet's own server",
    "trigger.port": "a free port for the endpoint of Daily's webhooks",
    "proxy.url": "URL of the intercept proxy; empty without [intercept]",
    "proxy.ca": "CA file of the intercept proxy; empty without [intercept]",
    "folder": "temporary folder of the run",
}
"""Descriptions by name."""

TRIGGER_VARIABLES: Final[Mapping[str, str]] = {
    "trigger.folder": "a folder of each process of the trigger",
}
"""Further variables of `[trigger]`, by name."""


def variables_in(text: str) -> Iterator[str]:
    """Yield the names of a template's variables.

    Raises:
        ValueError: The braces are unbalanced.
    """
    for _, name, _, _ in Formatter().parse(text):
        if name is not None:
            yield name


def template_error(text: str, *also: str) -> str:
    """Return the error of a template in one line; empty if it is valid.

    Args:
        text: The template.
        also: Further valid names.
    """
    try:
        unknown = [name for name in variables_in(text) if name not in {*VARIABLES, *also}]
    except ValueError as error:
        return f"{error}; write literal braces as {{{{ and }}}}"
    if not unknown:
        return ""
    similar = difflib.get_close_matches(unknown[0], [*VARIABLES, *also], n=1)
    suggestion = f"; did you mean {{{similar[0]}}}?" if similar else ""
    return f"unknown variable {{{unknown[0]}}}{suggestion}"


def variable_list(*also: str) -> str:
    """Return all names in braces, separated by commas."""
    return ", ".join(f"{{{name}}}" for name in (*VARIABLES, *also))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return the template with its variables replaced.

    Raises:
        LookupError: A variable has no value.
        ValueError: The braces are unbalanced.
    """
    parts: list[str] = []
    for before, name, _, _ in Formatter().parse(text):
        parts.append(before)
        if name is not None:
            parts.append(values[name])
    return "".join(parts)


def transcript_url(template: str, transcript_id: str) -> str:
    """Return the URL of a transcript; `template` contains `{transcript_id}`."""
    return template.replace("{transcript_id}", quote(transcript_id, safe=""))
