"""What is known about generated faults that the suite does not see (`triage.yaml`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

from tests.mutants.generated.faults import Fault

Verdict = Literal["equivalent", "outside", "hole"]
VERDICTS = ("equivalent", "outside", "hole")


@dataclass(frozen=True, slots=True)
class Triaged:
    """One fault that survived, and why."""

    verdict: Verdict
    """`equivalent`: it changes nothing that can be observed. `outside`: no contract says anything
    about it. `hole`: a contract does, and no clause looks."""
    change: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of change that no contract says anything about; it is not sampled."""

    change: re.Pattern[str]
    reason: str


@dataclass(frozen=True, slots=True)
class Triage:
    """All that is known."""

    rules: tuple[Rule, ...]
    faults: Mapping[str, Triaged]
    """By the fault's id."""

    def verdict(self, fault_id: str) -> Verdict | None:
        """Return the verdict on a survivor; None if nobody has looked at it yet."""
        known = self.faults.get(fault_id)
        return known.verdict if known else None

    def is_ruled_out(self, fault: Fault) -> bool:
        """Return whether a rule leaves the fault out."""
        change = fault.change
        return any(rule.change.search(change) for rule in self.rules)


@cache
def load_triage() -> Triage:
    """Return the content of `triage.yaml`."""
    text = Path(__file__).with_name("triage.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    return Triage(
        rules=tuple(
            Rule(re.compile(one["change"], re.MULTILINE), one["reason"]) for one in content["rules"]
        ),
        faults={name: Triaged(**one) for name, one in (content["faults"] or {}).items()},
    )
