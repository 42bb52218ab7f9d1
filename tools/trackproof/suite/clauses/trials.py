"""What the clauses about the product expect of a trial's recordings."""

from __future__ import annotations

from trackproof.runs.unavailable import PARTS, NotVisible
from trackproof.suite.assertions import expect
from trackproof.suite.product.trial import Outcome, ProductTrial

LEGACY_CASES = frozenset({"legacy", "legacy with shadow mode", "shadow", "refused", "running"})
"""Cases that only a product with a legacy pipeline has."""


def expect_pipelines(
    trial: ProductTrial, case: str, *, workflows: int, legacy: int, what: str = "recording"
) -> Outcome:
    """Raise a ClauseViolation unless a case has started exactly these pipelines; return it."""
    if legacy or case in LEGACY_CASES:
        expect_legacy(trial)
    outcome = trial.outcomes[case]
    started = {"workflows": len(outcome.workflow_ids), "legacy pipelines": outcome.legacy}
    wanted = {"workflows": workflows, "legacy pipelines": legacy}
    expect(started, f"pipelines started for the {what}").equals(wanted)
    return outcome


def expect_stored(trial: ProductTrial, case: str) -> None:
    """Raise a ClauseViolation unless the recording's row has the id of its workflow.

    Raises:
        NotVisible: The profile does not expose recordings.
    """
    if not trial.harness.fleet.profile.recording_sql:
        raise NotVisible("recordings", "the rows of recordings (recording_sql)")
    outcome = trial.outcomes[case]
    expect(outcome.workflow_ids, "workflows that were started").is_filled()
    expect(list(outcome.stored), "workflow ids in the recording's row").equals(
        list(outcome.workflow_ids)
    )


def expect_legacy(trial: ProductTrial) -> None:
    """Raise NotVisible unless the product has a legacy pipeline."""
    if not trial.has_legacy:
        raise NotVisible("legacy", PARTS["legacy"])


def expect_shadow(trial: ProductTrial) -> None:
    """Raise NotVisible unless the profile shows both results of a shadow run."""
    expect_legacy(trial)
    profile = trial.harness.fleet.profile
    if not profile.shadow_sql or not trial.trigger.legacy_command:
        keys = "the results of a shadow run (shadow_sql and trigger.legacy_command)"
        raise NotVisible("trigger", keys)
    if not trial.harness.fleet.exposes_rows:
        raise NotVisible("rows", PARTS["rows"])
    ids = [trial.shadow.get(name) for name in ("counting", "shadow")]
    expect(ids, "transcripts of the shadowed recording").holds(all(ids) and ids[0] != ids[1], "two")
