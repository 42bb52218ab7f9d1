"""Errors in the contract files themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trackproof.errors import TrackproofError


@dataclass(frozen=True, slots=True)
class ContractDefect:
    """An error in a contract file, with its location."""

    file: str
    """Path relative to the contracts folder."""
    pointer: str
    """JSON pointer into the file; empty for the whole file."""
    what: str
    """What is expected and what the file contains."""
    hint: str
    """How to fix it."""

    def __str__(self) -> str:
        return f"{self.file}#{self.pointer}: {self.what}\n  Hint: {self.hint}"


class ContractFileError(TrackproofError):
    """A contract file is missing, damaged or does not match its schema."""

    def __init__(self, path: Path, pointer: str, what: str, hint: str) -> None:
        super().__init__(f"{path}#{pointer}: {what}", hint=hint)
        self.defect = ContractDefect(str(path), pointer, what, hint)
