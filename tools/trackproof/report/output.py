"""Results as JSON files for other programs."""

from __future__ import annotations

import json
from pathlib import Path

from trackproof.errors import UsageError


def check_writable(path: Path) -> None:
    """Raise a UsageError if `path` is no file that can be written."""
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise UsageError(
            f"the report cannot be written to {path}",
            evidence=str(error),
            hint="name a file in a folder that exists and is yours",
        ) from error


def write_json(path: Path, content: object) -> None:
    """Write `content` as readable JSON."""
    path.write_text(f"{json.dumps(content, indent=2, ensure_ascii=False)}\n", encoding="utf-8")
