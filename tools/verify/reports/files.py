"""The reports that a user asks for as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tools.verify.events import Writer
from tools.verify.reports.html import HtmlFile
from tools.verify.reports.json import JsonFile
from tools.verify.reports.junit import JUnitFile
from tools.verify.reports.ndjson import NdjsonFile

FILES: Mapping[str, Callable[[Path], Writer]] = {
    "json": JsonFile,
    "junit": JUnitFile,
    "ndjson": NdjsonFile,
    "html": HtmlFile,
}


def file_writers(**paths: Path | None) -> list[Writer]:
    """Return a writer for each kind of report that is given a path.

    Raises:
        UsageError: One cannot be written.
    """
    return [FILES[kind](path) for kind, path in paths.items() if path is not None]
