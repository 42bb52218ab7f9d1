"""Structured logging to standard output, one line each, as text or JSON."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from reference_workers.platform.redaction import Redactor
from reference_workers.text import MAX_MESSAGE, cut

SIGNERS = ("httpx", "httpcore", "boto3", "botocore", "urllib3")
"""Libraries whose debug logs contain URLs, headers or signatures."""


def configure(*, debug: bool, as_json: bool = False, secrets: Iterable[str] = ()) -> None:
    """Configure logging for the process; libraries log warnings only unless `debug`.

    Args:
        debug: Log debug messages.
        as_json: One JSON object a line; otherwise key=value.
        secrets: Texts to redact.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that the terminal's encoding lacks must not fail the task that logs it.
        sys.stdout.reconfigure(errors="backslashreplace")
    level = logging.DEBUG if debug else logging.INFO
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _without_secrets(Redactor(secrets)),
        _cut_texts,
    ]
    render: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
        if as_json
        else structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])
    )
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Several processes share the stream: text and line end must go in one write.
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=False,
    )
    # Libraries that use `logging` get the same processors.
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(level=level if debug else logging.WARNING, handlers=[handler])
    for library in SIGNERS:
        logging.getLogger(library).setLevel(logging.WARNING)


def _without_secrets(
    redact: Redactor,
) -> Callable[[WrappedLogger, str, EventDict], EventDict]:
    def redacted(value: Any) -> Any:
        match value:
            case str():
                return redact(value)
            case dict():
                return {key: redacted(item) for key, item in value.items()}
            case list() | tuple() | set():
                return [redacted(item) for item in value]
            case BaseException():
                return redact(repr(value))
        return value

    def processor(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {key: redacted(value) for key, value in event.items()}

    return processor


def _cut_texts(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Cut long texts; a traceback may be ten times as long."""
    limits = {"exception": 10 * MAX_MESSAGE}
    return {
        key: cut(value, limits.get(key, MAX_MESSAGE)) if isinstance(value, str) else value
        for key, value in event.items()
    }
