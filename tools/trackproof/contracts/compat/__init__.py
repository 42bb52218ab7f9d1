"""Compatibility of contract versions: releases, their comparison and the release gate.

release_document  the contracts as one JSON document
releases          released versions and their files
comparison        all differences of two contracts with their verdicts; by part:
                  tasks, workflow, services, schemas, wording
samples           example values that break a schema
gate              the version increment that the changes require
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
