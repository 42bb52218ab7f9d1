"""Rules that hold in every run of a task, whatever the test is about that ran it."""

from __future__ import annotations

from trackproof.suite.run_rules.rules import broken_rules
from trackproof.suite.run_rules.visibility import Visibility

EVERY_RUN = "every-run"
"""Name of each task's clause about these rules."""

__all__ = ["EVERY_RUN", "Visibility", "broken_rules"]
