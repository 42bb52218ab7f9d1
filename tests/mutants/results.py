"""Results of mutants, and the events that report them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trackproof.events.stream import Note


@dataclass(frozen=True, slots=True)
class MutantResult:
    """One mutant after its clauses have run."""

    id: str
    task: str
    text: str
    """The bug, as one sentence."""
    killed_by: tuple[str, ...]
    """The clauses that must fail; one of them is enough to kill."""
    failed: tuple[str, ...]
    """The clauses that failed."""
    remark: str
    """The suite's own error, or why the fleet could not start; empty otherwise."""
    seconds: float

    @property
    def killed(self) -> bool:
        """Whether an expected clause failed; an error of the suite kills no mutant."""
        return bool(set(self.killed_by) & set(self.failed)) and not self.remark


def ineffective_clauses(results: Sequence[MutantResult], clauses: Sequence[str]) -> tuple[str, ...]:
    """Return the clauses that killed no mutant."""
    effective = {name for result in results if result.killed for name in result.failed}
    return tuple(name for name in clauses if name not in effective)


@dataclass(frozen=True, slots=True)
class MutantFinished:
    """The clauses of one mutant have run."""

    result: MutantResult


@dataclass(frozen=True, slots=True)
class MutantsEnded:
    """All chosen mutants have run."""

    mutants: tuple[MutantResult, ...]
    ineffective: tuple[str, ...]
    """Clauses that killed no mutant; empty unless all mutants ran."""
    sample: str
    """Seed of the random sample; empty if there was none."""
    seconds: float

    @property
    def survivors(self) -> tuple[MutantResult, ...]:
        """The mutants that no clause killed."""
        return tuple(mutant for mutant in self.mutants if not mutant.killed)

    @property
    def killed(self) -> int:
        """Number of killed mutants."""
        return len(self.mutants) - len(self.survivors)

    @property
    def passed(self) -> bool:
        """Whether every mutant was killed and every clause killed one."""
        return not self.survivors and not self.ineffective


MutantEvent = Note | MutantFinished | MutantsEnded
