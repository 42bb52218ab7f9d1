"""The mutant: the reference fleet with one plausible bug, and the clauses that detect it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Patch = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Mutant:
    """The reference fleet with one bug."""

    id: str
    """Such as `pad_track.offset-ignored`."""
    task: str
    """The task type that is faulty, or `pipeline`."""
    text: str
    """The bug, as one sentence."""
    killed_by: tuple[str, ...]
    """Clauses expected to fail; one failure kills the mutant, each is reported."""
    patch: Patch
    """Applies the bug in the fleet's process, before the fleet starts."""


class Collection:
    """The mutants of one task, in the order of the file."""

    def __init__(self, task: str) -> None:
        """Create an empty collection."""
        self._task = task
        self._mutants: list[Mutant] = []

    def __call__(self, *clauses: str) -> Callable[[Patch], Patch]:
        """Add the decorated patch; its docstring is the mutant's text.

        Args:
            clauses: Clause ids without the task: `offset` for `pad_track.offset`.
        """

        def add(patch: Patch) -> Patch:
            self.add(
                patch, patch.__name__.replace("_", "-"), (patch.__doc__ or "").strip(), clauses
            )
            return patch

        return add

    def add(self, patch: Patch, name: str, text: str, clauses: tuple[str, ...]) -> None:
        """Add a mutant."""
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
        """All mutants, in the order of their addition."""
        return tuple(self._mutants)
