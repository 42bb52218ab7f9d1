"""What a fleet's profile needs from the testbed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import get_args

from trackproof.fleet.profile import FleetProfile, Position, TriggerTerms
from trackproof.fleet.variables import variables_in
from trackproof.testbed.database import STARTED

POSTGRES_VARIABLES = frozenset(
    f"database.{part}" for part in ("host", "port", "user", "password", "libpq")
)
"""Variables that only PostgreSQL has."""


def profile_variables(profile: FleetProfile) -> set[str]:
    """Return the names of the variables in a profile's templates."""
    names: set[str] = set()
    for text in (
        *profile.environment.values(),
        *profile.intercept.values(),
        *(profile.transcript_url, profile.events_redis, profile.events_websocket),
        *(text for _, text in trigger_templates(profile.trigger)),
    ):
        with suppress(ValueError):  # reported when the profile is loaded
            names |= set(variables_in(text))
    return names


def trigger_templates(trigger: TriggerTerms | None) -> Iterator[tuple[str, str]]:
    """Yield key and text of each template in the table of the trigger."""
    if trigger is None:
        return
    yield "trigger.webhook_url", trigger.webhook_url
    yield "trigger.webhook_secret", trigger.webhook_secret
    yield "trigger.broker", trigger.broker
    for table in ("environment", "polling", *get_args(Position)):
        for name, text in (getattr(trigger, table) or {}).items():
            yield f"trigger.{table}.{name}", text


def needed_database(profile: FleetProfile) -> str | None:
    """Return the kind of database that a fleet needs: `sqlite`, `postgres` or None for any."""
    if profile.database:
        return profile.database if profile.database in STARTED else None
    used = profile_variables(profile)
    # A fleet that is also given the file of SQLite chooses by what is empty.
    return "postgres" if POSTGRES_VARIABLES & used and "database.file" not in used else None
