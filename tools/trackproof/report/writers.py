"""Report files by format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from trackproof.events.stream import Writer
from trackproof.report.html import HtmlFile
from trackproof.report.json import JsonFile
from trackproof.report.junit import JUnitFile
from trackproof.report.ndjson import NdjsonFile

FILES: Mapping[str, Callable[[Path], Writer]] = {
    "json": JsonFile,
    "junit": JUnitFile,
    "ndjson": NdjsonFile,
    "html": HtmlFile,
}


def file_writers(**paths: Path | None) -> list[Writer]:
    """Return a writer for each format that has a path.

    Args:
        paths: File of each format, by its name in `FILES`.

    Raises:
        UsageError: A file cannot be written.
    """
    return [FILES[name](path) for name, path in paths.items() if path is not None]
