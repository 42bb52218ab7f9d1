"""The recipes of docs/runbook.md and their commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

RUNBOOK = Path(__file__).parents[3] / "docs" / "runbook.md"
SECTION = re.compile(r"^## (?P<title>.+)\n(?P<text>(?:(?!^## ).*\n?)*)", re.MULTILINE)
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND_SECONDS = 120


@dataclass
class Recipe:
    """One recipe; its blocks run one after the other, as an operator runs them."""

    title: str
    blocks: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path = Path()
    done: int = 0

    @property
    def is_done(self) -> bool:
        """Whether every block has run."""
        return self.done == len(self.blocks)

    def run(self, **variables: str) -> str:
        """Run the next block and return its output; it must succeed."""
        block = self.blocks[self.done]
        self.done += 1
        self.environment |= variables
        output = self.folder / f"block-{self.done}.txt"
        with output.open("wb") as file:  # a pipe would wait for what the block leaves running
            ended = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block],
                env=self.environment,
                cwd=self.folder,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        text = output.read_text(encoding="utf-8", errors="replace")
        assert ended.returncode == 0, f"{self.title}: {block}\n{text}"
        return text

    def take(self, environment: Mapping[str, str], folder: Path) -> None:
        """Take an operator's variables and working folder."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        self.environment = {**environment, "PATH": path}
        self.folder = folder


def recipes(page: str | None = None) -> dict[str, Recipe]:
    """Return the recipes of the page by title."""
    text = RUNBOOK.read_text(encoding="utf-8") if page is None else page
    return {
        match["title"]: Recipe(match["title"], BLOCK.findall(match["text"]))
        for match in SECTION.finditer(text)
    }
