"""Faulty fleets, each with one plausible bug: the suite is as good as it tells them apart.

One file a task; each holds a tuple `MUTANTS`. docs/conformance.md says how to write one.
"""

from tests.mutants.mutant import Mutant
from tests.mutants.registry import MUTANTS

__all__ = ["MUTANTS", "Mutant"]
