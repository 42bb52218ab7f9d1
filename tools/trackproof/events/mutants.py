"""What became of faulty fleets: which clause saw which bug."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MutantResult:
    """One faulty fleet, judged."""

    id: str
    task: str
    text: str
    """The bug, as one sentence."""
    killed_by: tuple[str, ...]
    """The clauses that must fail: one of them is enough."""
    failed: tuple[str, ...]
    """Those that did."""
    remark: str
    """What the suite itself broke at, or the fleet could not start for; empty otherwise."""
    seconds: float

    @property
    def killed(self) -> bool:
        """Whether a clause saw it; a suite that breaks by itself kills nobody."""
        return bool(set(self.killed_by) & set(self.failed)) and not self.remark


def toothless(results: Sequence[MutantResult], clauses: Sequence[str]) -> tuple[str, ...]:
    """Return the clauses that killed no mutant."""
    killing = {name for result in results if result.killed for name in result.failed}
    return tuple(name for name in clauses if name not in killing)


@dataclass(frozen=True, slots=True)
class MutantFinished:
    """A faulty fleet has been judged."""

    result: MutantResult


@dataclass(frozen=True, slots=True)
class MutantsEnded:
    """The verdict on the suite itself."""

    mutants: tuple[MutantResult, ...]
    toothless: tuple[str, ...]
    """Clauses that killed none, where all mutants were run."""
    sample: str
    """The seed that chose the mutants; empty where it was not left to chance."""
    seconds: float

    @property
    def alive(self) -> tuple[MutantResult, ...]:
        """The mutants that no clause saw."""
        return tuple(mutant for mutant in self.mutants if not mutant.killed)

    @property
    def killed(self) -> int:
        """How many were seen."""
        return len(self.mutants) - len(self.alive)

    @property
    def held(self) -> bool:
        """Whether the suite sees every bug, and every clause sees one."""
        return not self.alive and not self.toothless
