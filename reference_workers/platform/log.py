"""Structured logs on standard output: one line an event, as text or as JSON."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from reference_workers.platform.redaction import Redactor

SIGNERS = ("httpx", "httpcore", "boto3", "botocore", "urllib3")
"""Libraries whose details hold whole URLs, headers, or a signature while it is being made."""


def configure(*, debug: bool, as_json: bool = False, secrets: Iterable[str] = ()) -> None:
    """Set the process's logging up; the SDK's own chatter stays out unless `debug`.

    Args:
        debug: Whether details are shown.
        as_json: One JSON object a line, for programs; key=value otherwise.
        secrets: What is hidden wherever it stands.
    """
    level = logging.DEBUG if debug else logging.INFO
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _without_secrets(Redactor(secrets)),
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
    # What libraries log goes the same way.
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
    def clean(value: Any) -> Any:
        match value:
            case str():
                return redact(value)
            case dict():
                return {key: clean(one) for key, one in value.items()}
            case list() | tuple() | set():
                return [clean(one) for one in value]
            case BaseException():
                return redact(repr(value))
        return value

    def processor(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {key: clean(value) for key, value in event.items()}

    return processor
