"""The generated pages by file name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.docs import api_reference, cli_reference, diagrams

PAGES: Mapping[str, Callable[[], str]] = {
    "diagrams.md": diagrams.render,
    "api-reference.md": api_reference.render,
    "cli-reference.md": cli_reference.render,
}
