"""The ledger of effects as checks: each happened as often as the contracts allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trackproof.checks.effects import EffectCount, outside_effects, stored_effects
from trackproof.checks.visibility import if_visible
from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence


def checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the checks on effects outside of the fleet, and in its database."""
    yield _check("effects.outside", outside_effects(evidence, evidence.writes))
    yield if_visible("effects.stored", _stored, evidence)


def _stored(evidence: Evidence) -> Check:
    return _check("effects.stored", stored_effects(evidence))


def _check(name: str, counts: Sequence[EffectCount]) -> Check:
    problems = [str(count) for count in counts if not count.holds]
    return Check.of(name, problems, otherwise=f"{len(counts)} effects, none missing or doubled")
