"""Contracts over time: frozen as releases, compared, and kept from breaking by a gate.

frozen     the contracts as one document
releases   released versions and their files
compare    every difference of two contracts, judged; by part:
tasks, workflow, services, schemas, wording
samples    values that show what breaks
gate       which step of the version a change takes
"""

from trackproof.contracts.compat.changes import Change, Verdict, worst
from trackproof.contracts.compat.comparison import compare
from trackproof.contracts.compat.gate import check_release_gate, freeze
from trackproof.contracts.compat.release_document import Release, working_release
from trackproof.contracts.compat.releases import named_release

__all__ = [
    "Change",
    "Release",
    "Verdict",
    "check_release_gate",
    "compare",
    "freeze",
    "named_release",
    "working_release",
    "worst",
]
