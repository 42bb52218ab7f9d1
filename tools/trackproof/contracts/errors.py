"""What can be wrong with the contracts themselves, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ContractDefect:
    """One fault of a contract file."""

    file: str
    """Path below the contracts folder."""
    pointer: str
    """JSON pointer into the file; empty for the whole of it."""
    what: str
    """What was expected and what is there."""
    hint: str
    """What to do about it."""

    def __str__(self) -> str:
        return f"{self.file}#{self.pointer}: {self.what}\n  Hint: {self.hint}"


class ContractFileError(Exception):
    """A contract file cannot be used at all."""

    def __init__(self, path: Path, pointer: str, what: str, hint: str) -> None:
        """Keep the parts as a defect."""
        self.defect = ContractDefect(str(path), pointer, what, hint)
        super().__init__(str(self.defect))
