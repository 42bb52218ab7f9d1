"""Write the generated pages of docs/; `--check` only compares."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.docs.pages import PAGES

DOCS = Path(__file__).parents[2] / "docs"


def main(arguments: list[str]) -> int:
    """Write or check every page; return the exit code."""
    stale = []
    for name, render in PAGES.items():
        page, path = render(), DOCS / name
        if path.exists() and path.read_text(encoding="utf-8") == page:
            continue
        stale.append(f"docs/{name}")
        if "--check" not in arguments:
            path.write_text(page, encoding="utf-8")
    if stale and "--check" in arguments:
        sys.stderr.write(f"out of date: {', '.join(stale)}\nHint: run `nox -s docs`\n")
        return 1
    sys.stdout.write(f"wrote {', '.join(stale)}\n" if stale else "all pages are up to date\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
