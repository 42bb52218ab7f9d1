"""What a mutant is: the reference fleet with one plausible bug, and the clauses that see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Patch = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One small faulty fleet."""

    id: str
    """Such as `pad_track.offset-ignored`."""
    task: str
    """The task type that is faulty, or `pipeline`."""
    text: str
    """The bug, as one sentence."""
    killed_by: tuple[str, ...]
    """Clauses that must fail; one of them is enough to kill, each of them is counted."""
    patch: Patch
    """Puts the bug into the fleet's process, before it starts."""


class Collection:
    """The mutants of one task, in the order they are written down."""

    def __init__(self, task: str) -> None:
        """Start empty."""
        self._task = task
        self._mutants: list[Mutant] = []

    def __call__(self, *clauses: str) -> Callable[[Patch], Patch]:
        """Add the decorated patch; its docstring is the mutant's text.

        Args:
            clauses: Names below the task: `offset` is the clause `pad_track.offset`.
        """

        def add(patch: Patch) -> Patch:
            self.add(
                patch, patch.__name__.replace("_", "-"), (patch.__doc__ or "").strip(), clauses
            )
            return patch

        return add

    def add(self, patch: Patch, name: str, text: str, clauses: tuple[str, ...]) -> None:
        """Add one mutant by its parts."""
        self._mutants.append(
            Mutant(
                id=f"{self._task}.{name}",
                task=self._task,
                text=text,
                killed_by=tuple(f"{self._task}.{clause}" for clause in clauses),
                patch=patch,
            )
        )

    @property
    def mutants(self) -> tuple[Mutant, ...]:
        """All that were added."""
        return tuple(self._mutants)
