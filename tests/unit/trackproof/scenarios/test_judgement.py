"""What a scenario expects changes the checks of a clean meeting, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from trackproof.checks.effects import EffectCount, Losses
from trackproof.events.runs import Check
from trackproof.scenarios import judgement
from trackproof.scenarios.judgement import judge_scenario
from trackproof.scenarios.scenario_file import ScenarioFile, from_values

FAULT = {"place": "webhook", "answer": {"status": 503, "times": 2}}
WEBHOOKS = EffectCount("webhooks", 1, 1, 1)
MESSAGES = EffectCount("Zulip messages", 1, 1, 1)


def scenario(**values: Any) -> ScenarioFile:
    return from_values({"name": "mine", "title": "Mine", **values}, "mine")


def judged(
    monkeypatch: pytest.MonkeyPatch,
    wanted: ScenarioFile,
    *checks: Check,
    counts: tuple[EffectCount, ...] = (WEBHOOKS, MESSAGES),
    unmet: tuple[str, ...] = (),
    workflow: Mapping[str, Any] | None = None,
    reasons: tuple[str, ...] = (),
) -> dict[str, Check]:
    evidence: Any = SimpleNamespace(
        workflow=workflow or {"status": "COMPLETED"},
        steps=[SimpleNamespace(reason=reason) for reason in reasons],
    )
    monkeypatch.setattr(judgement, "judge", lambda _: iter(checks))
    monkeypatch.setattr(judgement, "count_effects", lambda *_: list(counts))
    found = judge_scenario(wanted, evidence, unmet=list(unmet), writes={}, losses=Losses())
    return {check.id: check for check in found}


def test_a_clean_meeting_is_judged_by_all_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = (Check("words.complete", False, "2 missing"), Check("zulip.message", True, "one"))

    assert judged(monkeypatch, scenario(), *checks) == {check.id: check for check in checks}


def test_a_check_that_must_fail_fails_the_scenario_if_it_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = scenario(expect={"fails": ["zulip.message"]})

    down = judged(monkeypatch, wanted, Check("zulip.message", False, "0 messages, 1 expected"))
    up = judged(monkeypatch, wanted, Check("zulip.message", True, "one message"))

    assert down["zulip.message"].passed
    assert not up["zulip.message"].passed
    assert "expected to fail here, but: one message" in up["zulip.message"].detail


def test_only_the_named_checks_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = scenario(expect={"without": ["quality"]})
    checks = (Check("quality", False, "bad"), Check("words.time", False, "late"))

    assert set(judged(monkeypatch, wanted, *checks)) == {"words.time"}


def test_a_fault_that_was_never_met_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    found = judged(monkeypatch, scenario(faults=[FAULT]), unmet=("webhook: never met",))

    assert not found["scenario.faults"].passed


def test_refused_deliveries_are_no_second_ones_but_a_wrong_signature_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = scenario(faults=[FAULT])
    recount = Check("webhook.signature", False, "3 deliveries, 1 expected")
    wrong = Check("webhook.signature", False, "3 deliveries, 1 expected; the HMAC does not match")

    assert "webhook.signature" not in judged(monkeypatch, wanted, recount)
    assert not judged(monkeypatch, wanted, wrong)["webhook.signature"].passed


def test_with_faults_the_ledger_counts_and_not_the_checks_of_a_clean_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repeated = Check("effects.outside", False, "webhooks: 2, 1 allowed")

    assert "effects.outside" not in judged(monkeypatch, scenario(faults=[FAULT]), repeated)
    assert not judged(monkeypatch, scenario(), repeated)["effects.outside"].passed


def test_an_effect_beyond_what_the_contract_allows_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = EffectCount("webhooks", 2, 1, 1)

    found = judged(monkeypatch, scenario(faults=[FAULT]), counts=(twice,))

    assert not found["effects.counted"].passed
    assert "webhooks: 2, 1 allowed" in found["effects.counted"].detail


@pytest.mark.parametrize(
    ("status", "reasons", "failed"),
    [
        ("FAILED", ("track 1: audio cannot be opened",), set()),
        ("COMPLETED", ("track 1: audio cannot be opened",), {"scenario.status"}),
        ("FAILED", (), {"scenario.reason"}),
        ("FAILED", ("no disk",), {"scenario.reason"}),
    ],
)
def test_a_meeting_that_must_fail_says_why(
    status: str, reasons: tuple[str, ...], failed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = scenario(expect={"status": "FAILED", "reason": "track 1"})
    checks = (Check("words.complete", False, "no words"), Check("secrets.kept", True, "none"))

    found = judged(monkeypatch, wanted, *checks, workflow={"status": status}, reasons=reasons)

    assert {name for name, check in found.items() if not check.passed} == failed
    assert "secrets.kept" in found
