"""Structured logs on standard output: one line an event."""

from __future__ import annotations

import logging
import re
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

_QUERY = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\"]+")


def configure(*, debug: bool) -> None:
    """Set the process's logging up; the SDK's own chatter stays out unless `debug`."""
    level = logging.DEBUG if debug else logging.INFO
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _without_queries,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=level if debug else logging.WARNING, stream=sys.stdout)
    # httpx logs whole URLs, and a URL may hold a signature.
    logging.getLogger("httpx").setLevel(logging.WARNING)


def _without_queries(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Cut the query off every URL: libraries put URLs into their errors, signature and all."""
    return {
        key: _QUERY.sub(r"\1?…", value) if isinstance(value, str) else value
        for key, value in event.items()
    }
