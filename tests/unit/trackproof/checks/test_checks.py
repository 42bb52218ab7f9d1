"""Every check passes for a good run and fails, with a clear detail, for a faulty one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from urllib.parse import quote

import numpy as np
import pytest

from tests.unit.trackproof.checks.changes import (
    Change,
    changed_transcript,
    with_deliveries,
    with_extra_requests,
    with_matching_prompt,
    with_mixdown,
    with_request,
    with_shifted_word,
)
from tests.unit.trackproof.checks.faults import DENIED, FAULTS, Case
from tests.unit.trackproof.python_terms import PYTHON
from tests.unit.trackproof.runs import recorded_runs
from tests.unit.trackproof.runs.recorded_runs import (
    good_run,
    with_lists_by_reference,
    with_output,
)
from trackproof.checks import CHECKS, judge, secrets
from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence
from trackproof.runs.progress import step_states
from trackproof.runs.stored_lists import LISTS, TEMPORARY, list_keys
from trackproof.runs.unavailable import unavailable_events, unavailable_row

IDS = {name for names in CHECKS.values() for name in names}


def verdict(evidence: Evidence) -> dict[str, Check]:
    checks = list(judge(evidence))
    assert len(checks) == len({check.id for check in checks})
    return {check.id: check for check in checks}


def failed(evidence: Evidence) -> set[str]:
    checks = verdict(evidence)
    assert checks.keys() == IDS
    return {name for name, check in checks.items() if not check.passed}


@pytest.mark.parametrize("denied", [(), (0,), (0, 1, 2)])
def test_every_check_passes_for_a_good_run(denied: tuple[int, ...]) -> None:
    assert failed(good_run(denied=denied)) == set()


@pytest.mark.parametrize("denied", [(), (0,)])
def test_every_check_passes_for_lists_by_reference(denied: tuple[int, ...]) -> None:
    assert failed(with_lists_by_reference(good_run(denied=denied))) == set()


@pytest.mark.parametrize("denied", [(), (0,)])
def test_a_list_that_is_left_is_told(denied: tuple[int, ...]) -> None:
    evidence = with_lists_by_reference(good_run(denied=denied))
    tasks = LISTS if denied else [TEMPORARY]
    for key in list_keys(evidence.workflow, *tasks):
        left = replace(evidence, transcript_keys=evidence.transcript_keys | {key})
        assert "storage.keys" in failed(left)
        assert f"not in the contract: {key}" in verdict(left)["storage.keys"].detail


def test_a_silent_track_has_no_level() -> None:
    evidence = with_mixdown(lambda m: replace(m, words=tuple(w for w in m.words if w.band != 2)))(
        good_run()
    )
    meeting = evidence.scenario.meeting
    tracks = (*meeting.tracks[:2], replace(meeting.tracks[2], words=()))
    scenario = replace(evidence.scenario, meeting=replace(meeting, tracks=tracks))

    checks = verdict(replace(evidence, scenario=scenario))

    assert checks["mixdown.words"].passed
    assert checks["mixdown.level"].passed


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "bot@example.com:"])
@pytest.mark.parametrize("after", ["", "z", "zy"])
def test_a_secret_is_found_within_base64(before: str, after: str) -> None:
    secret = "sk-Ünd/key+1=?"
    encoded = base64.b64encode(f"{before}{secret}{after}".encode()).decode()

    assert any(form in encoded for form in secrets.forms_of(secret))


@pytest.mark.parametrize("encode", [str, quote, lambda text: text.encode().hex()])
def test_a_secret_is_found_in_other_encodings(encode: Callable[[str], str]) -> None:
    assert any(form in f"key={encode('whsec key')}&x" for form in secrets.forms_of("whsec key"))


def test_a_secret_is_not_found_in_another_text() -> None:
    encoded = base64.b64encode(b"another text of some length, without it").decode()

    assert not any(form in encoded for form in secrets.forms_of("sk-1234"))


def messages(cases: list[Case]) -> list[str]:
    return [message.strip("(: ") for _, _, message in cases]


@pytest.mark.parametrize(("change", "fails", "message"), FAULTS, ids=messages(FAULTS))
def test_a_faulty_run_fails_exactly_the_expected_checks(
    change: Change, fails: set[str], message: str
) -> None:
    evidence = change(good_run())
    if fails & {"words.complete", "words.sorted"} and "llm.chunks" not in fails:
        evidence = with_matching_prompt(evidence)

    assert failed(evidence) == fails
    details = [check.detail for check in verdict(evidence).values()]
    assert any(message in verdict(evidence)[name].detail for name in fails), details
    assert [detail for detail in details if PYTHON.search(detail)] == []


@pytest.mark.parametrize(("change", "fails", "message"), DENIED, ids=messages(DENIED))
def test_a_run_that_ignores_denied_consent_fails_exactly_the_expected_checks(
    change: Change, fails: set[str], message: str
) -> None:
    evidence = change(good_run(denied=[1]))

    assert failed(evidence) == fails
    assert any(message in verdict(evidence)[name].detail for name in fails)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("topic", "topics"),
        ("title", "title"),
        ("summary", "long summary"),
        ("short_summary", "short summary"),
    ],
)
def test_missing_tracers_are_reported_by_location(text: str, name: str) -> None:
    evidence = good_run(texts={text: "nothing that was said"})

    assert failed(evidence) == {"llm.tracers"}
    lost = "chrysalis, ecliptic, gossamer"
    assert verdict(evidence)["llm.tracers"].detail == f"{lost} not in {name}"


def test_every_check_fails_for_some_fault() -> None:
    cases = [*FAULTS, *DENIED]

    assert set().union(*(fails for _, fails, _ in cases)) == IDS


def test_a_word_within_20_ms_passes() -> None:
    assert failed(with_shifted_word(20)(good_run())) == set()
    assert failed(with_shifted_word(-19.9)(good_run())) == set()


def test_an_injected_fault_is_not_a_rejected_request() -> None:
    evidence = with_extra_requests("post_zulip", service="zulip", status=503)(good_run())
    *others, refused = evidence.requests

    assert failed(replace(evidence, requests=(*others, replace(refused, faulted=True)))) == set()


def test_a_run_without_requests_fails_the_request_check() -> None:
    evidence = replace(good_run(), requests=())

    assert "services.accepted" in failed(evidence)


@pytest.mark.parametrize(
    ("change", "fails"),
    [
        (
            lambda evidence: with_output(evidence, all_words=[{"text": "no such field"}]),
            {"words.complete", "words.speaker", "words.time", "words.sorted"},
        ),
        (lambda evidence: with_output(evidence, all_words="many"), {"words.complete"}),
        (
            lambda evidence: with_output(evidence, waveform=["loud"] * recorded_runs.PEAKS),
            {"waveform.peaks"},
        ),
        (
            lambda evidence: with_output(evidence, duration="8 s"),
            {"mixdown.duration", "waveform.peaks"},
        ),
        (lambda evidence: with_output(evidence, topics=[None]), {"webhook.payload"}),
        (with_deliveries({"transcript": None}), {"webhook.payload"}),
        (with_deliveries(changed_transcript(participants=None)), {"webhook.payload"}),
    ],
)
def test_unreadable_evidence_fails_the_check_not_the_command(
    change: Change, fails: set[str]
) -> None:
    checks = verdict(change(good_run()))

    assert checks.keys() == IDS
    for name in fails:
        assert not checks[name].passed
        assert checks[name].detail.startswith("the evidence cannot be read: ")


def test_a_presigned_url_may_appear_in_a_url_field() -> None:
    url = "http://s3.test/a?X-Amz-Signature=1"
    task = {"referenceTaskName": "pad", "outputData": {"padded_url": url, "padded_urls": [url]}}
    evidence = good_run()
    workflow = {**evidence.workflow, "tasks": [*evidence.workflow["tasks"], task]}
    own_key = ("authorization", f"Bearer {evidence.stand_ins.credentials.modal_key}")
    request = with_request("modal", json.dumps({"audio_file_url": url}).encode(), own_key)

    (check,) = secrets.checks(request(replace(evidence, workflow=workflow)))

    assert check.passed, check.detail
    assert check.detail.startswith("none of 2 keys and no signature in log")


def test_a_run_that_fails_at_once_passes_only_vacuous_checks() -> None:
    good = good_run()
    first = {**good.workflow["tasks"][0], "status": "FAILED", "reasonForIncompletion": "no key"}
    workflow = {"status": "FAILED", "tasks": [first], "output": None}
    evidence = replace(
        good,
        workflow=workflow,
        steps=tuple(step_states(good.contracts.steps, workflow, recorded_runs.NOW)),
        transcript={},
        events=(),
        requests=(),
        stand_ins=type(good.stand_ins)(),
        transcript_keys=frozenset(),
        urls=(),
        mixdown=None,
    )

    checks = verdict(evidence)

    assert checks["steps.completed"].detail.startswith(
        "workflow FAILED: get_recording is FAILED (no key); get_participants is PENDING"
    )
    # Nothing ran out of order, was deleted, leaked or stored.
    vacuous = {"steps.order", "consent.honoured", "secrets.kept", "effects.stored"}
    assert IDS - failed(evidence) == vacuous


def test_a_peak_at_a_segment_border_may_count_for_either_side() -> None:
    good = good_run()
    assert good.mixdown is not None
    levels = np.abs(good.mixdown.audio.samples)
    edges = np.linspace(0, levels.size, recorded_runs.PEAKS + 1)
    shifted_peaks = [
        float(levels[max(0, int(begin) - 20) : int(end) - 20].max(initial=0.0))
        for begin, end in pairwise(edges)
    ]

    assert failed(with_output(good, waveform=shifted_peaks)) == set()


def test_checks_on_invisible_data_are_not_judged_and_all_others_are() -> None:
    unseen = replace(good_run(), transcript=unavailable_row(), events=unavailable_events())

    checks = verdict(unseen)

    assert checks.keys() == IDS
    parts = {name: check.not_visible for name, check in checks.items() if not check.passed}
    assert parts == {
        "consent.honoured": "rows",
        "llm.tracers": "rows",
        "database.result": "rows",
        "database.events": "events",
        "events.schema": "events",
        "zulip.message": "rows",
        "effects.stored": "rows",
    }
