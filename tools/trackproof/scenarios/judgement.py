"""The checks of a scenario: a clean meeting's, as its faults and expectations change them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from trackproof.checks import CHECKS, judge
from trackproof.checks.effects import FAULT_FREE_COUNTS, Losses, count_effects
from trackproof.errors import UsageError
from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence
from trackproof.scenarios.scenario_file import ScenarioFile

FAULTS_MET: Final = "scenario.faults"
STATUS: Final = "scenario.status"
REASON: Final = "scenario.reason"
EFFECTS: Final = "effects.counted"


def check_expectations(scenario: ScenarioFile) -> None:
    """Check that the expectations name checks that exist.

    Raises:
        UsageError: A name is unknown.
    """
    known = {name for names in CHECKS.values() for name in names}
    unknown = sorted({*scenario.expect.fails, *scenario.expect.without} - known)
    if unknown:
        raise UsageError(
            f"scenario {scenario.name}: unknown checks: {', '.join(unknown)}",
            hint=f"known checks: {', '.join(sorted(known))}",
        )


def judge_scenario(
    scenario: ScenarioFile,
    evidence: Evidence,
    *,
    unmet: list[str],
    writes: Mapping[str, int],
    losses: Losses,
) -> Iterator[Check]:
    """Yield the checks of a scenario's run.

    Args:
        scenario: The scenario.
        evidence: The evidence of its run.
        unmet: The faults that had no effect.
        writes: How often each object of the run was written, by key.
        losses: What the faults took from the fleet.
    """
    expect = scenario.expect
    if scenario.faults:
        yield Check.of(
            FAULTS_MET, unmet, otherwise="; ".join(fault.text for fault in scenario.faults)
        )
    if expect.status != "COMPLETED":
        yield from _failure(scenario, evidence)
        return
    counts = count_effects(evidence, writes, losses) if scenario.faults else []
    several = any(one.counted > 1 for one in counts if one.effect in {"Zulip messages", "webhooks"})
    dropped = set(expect.without)
    for check in judge(evidence):
        if check.id in dropped:
            continue
        if check.id in expect.fails:
            yield _expected_failure(check)
        elif scenario.faults and check.id in FAULT_FREE_COUNTS and not check.passed:
            single = check.id in {"zulip.message", "webhook.signature"} and not several
            if single and not _is_recount(check):
                yield check
        else:
            yield check
    if scenario.faults:
        off = [
            str(one)
            for one in counts
            if not one.holds and not ("zulip.message" in expect.fails and "Zulip" in one.effect)
        ]
        repeated = [str(one) for one in counts if one.holds and one.repeated]
        yield Check.of(
            EFFECTS,
            off,
            otherwise="repeated as the contracts allow: " + "; ".join(repeated)
            if repeated
            else "each effect as often as without faults",
        )


def _is_recount(check: Check) -> bool:
    """Return whether a check only counts deliveries that the receiver refused."""
    return bool(re.fullmatch(r"\d+ deliveries, 1 expected", check.detail))


def _failure(scenario: ScenarioFile, evidence: Evidence) -> Iterator[Check]:
    """Yield the checks of a meeting that must fail: status, reason, and the transcript's row."""
    wanted, status = scenario.expect.status, str(evidence.workflow["status"])
    yield Check(STATUS, status == wanted, f"workflow {status}, {wanted} expected")
    reasons = [step.reason for step in evidence.steps if step.reason]
    text = " | ".join(reasons) or str(evidence.workflow.get("reasonForIncompletion") or "")
    pattern = scenario.expect.reason or "."
    yield Check(REASON, bool(re.search(pattern, text)), text or "no reason is given")
    for check in judge(evidence):
        if check.id in {"secrets.kept", "services.contract"} - set(scenario.expect.without):
            yield check


def _expected_failure(check: Check) -> Check:
    if check.passed:
        return replace(check, passed=False, detail=f"expected to fail here, but: {check.detail}")
    return replace(check, passed=True, detail=f"fails, as this scenario expects: {check.detail}")
