"""All mutants there are: those of every task's file."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from contracts.load import load_contracts
from tests.mutants.mutant import Mutant


def _gathered() -> tuple[Mutant, ...]:
    found: list[Mutant] = []
    for task in (*load_contracts().tasks, "pipeline"):
        name = f"{__package__}.{task}"
        if find_spec(name) is not None:
            found.extend(import_module(name).MUTANTS)
    return tuple(found)


MUTANTS = _gathered()
