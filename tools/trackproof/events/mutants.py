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
