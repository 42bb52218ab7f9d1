"""The stages of a trial: recordings through triggers in all positions, side by side, once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from trackproof.contracts.load import load_contracts
from trackproof.errors import FleetError
from trackproof.fleet.profile import TriggerTerms
from trackproof.fleet.switch import position_variables
from trackproof.runs.ids import id_sequence
from trackproof.suite.harness import Harness
from trackproof.suite.product.bad_webhooks import bad_webhooks
from trackproof.suite.product.cases import prepare_case, prepare_mixed_case
from trackproof.suite.product.processes import (
    TriggerProcess,
    legacy_with_shadow_mode,
    switch_variables,
)
from trackproof.suite.product.selection import Stage, needed_stages
from trackproof.suite.product.trial import ProductTrial, Refusal
from trackproof.suite.product.webhooks import Answer
from trackproof.testbed import database
from trackproof.testbed.conductor.starts import StartFailure, StartFault

FAILURES: Final[tuple[StartFailure, ...]] = ("error", "page", "hang", "lost")
"""Faults of a start; each has a case of its name."""

LOG_SECONDS: Final = 2.0

UNKNOWN: Final = "unknown "
"""Begins the name of a process with an unknown value of a variable."""


@contextmanager
def product_trial(
    harness: Harness, trigger: TriggerTerms, clauses: Collection[str]
) -> Iterator[ProductTrial]:
    """Run the trial; its processes end with the block.

    Args:
        harness: The fleet, and the testbed.
        trigger: The profile's table.
        clauses: Ids of the clauses that are judged: other stages are left out.

    Raises:
        FleetError: A trigger does not start.
    """
    trial = ProductTrial(harness, trigger)
    stages = needed_stages(clauses, has_legacy=trial.has_legacy)
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(24))
        _start_processes(trial, stages, stack)
        answers = _report_side_by_side(trial, stages, pool)
        if "shadow" in stages:
            _run_shadow(trial, stack)
        trial.answers.update((name, answer.result()) for name, answer in answers.items())
        _settle_started(trial, stages)
        if "outage" in stages:
            _lose_conductor(trial, pool)
        if "alone" in stages:
            _start_later(trial)
        if "starts" in stages:
            _report_again(trial)
        trial.settle(*(name for name in trial.cases if name not in trial.outcomes))
        yield trial


def _switches(trial: ProductTrial, stages: Collection[Stage]) -> dict[str, Mapping[str, str]]:
    """Return the environment of each process that some stages need, by name."""
    trigger = trial.trigger
    alone = position_variables(trigger, "conductor")
    value = load_contracts().parts["switch"].constants["unknown_value"]
    switches: dict[str, Mapping[str, str]] = {}
    if {"starts", "failures", "outage"} & set(stages):
        falling_back = position_variables(trigger, "fallback") if trial.has_legacy else alone
        switches["conductor"] = {**falling_back, **trigger.polling}
    if {"starts", "alone"} & set(stages) or ("bad" in stages and not trial.has_legacy):
        switches["second"] = {**alone, **trigger.polling, **_blocked_packages(trial)}
    if {"legacy", "bad"} & set(stages) and trial.has_legacy:
        switches["legacy"] = position_variables(trigger, "legacy")
    shadow_mode = legacy_with_shadow_mode(trigger)
    if "legacy" in stages and shadow_mode is not None:
        switches["legacy with shadow mode"] = shadow_mode
    if "shadow" in stages:
        switches["shadow"] = position_variables(trigger, "shadow")
    if "unknown" in stages:
        switches |= {
            f"{UNKNOWN}{name}": {**alone, name: value} for name in switch_variables(trigger)
        }
    return switches


def _start_processes(trial: ProductTrial, stages: Collection[Stage], stack: ExitStack) -> None:
    switches = _switches(trial, stages)
    started = {
        name: TriggerProcess(trial.harness, trial.trigger, name, switch, number=number, stack=stack)
        for number, (name, switch) in enumerate(switches.items(), start=1)
    }
    for name, process in started.items():
        if name.startswith(UNKNOWN):
            _watch_exit(trial, name.removeprefix(UNKNOWN), process)
            continue
        trial.processes[name] = process
        try:
            process.wait_until_ready()
        except FleetError as error:
            if name != "second":
                raise
            trial.import_error = str(error)
            _start_unblocked(trial, name, len(started) + 1, stack)


def _start_unblocked(trial: ProductTrial, name: str, number: int, stack: ExitStack) -> None:
    """Start a trigger again, where the legacy pipeline's packages can be imported."""
    trigger = trial.trigger
    switch = {**position_variables(trigger, "conductor"), **trigger.polling}
    process = TriggerProcess(trial.harness, trigger, name, switch, number=number, stack=stack)
    trial.processes[name] = process
    process.wait_until_ready()


def _watch_exit(trial: ProductTrial, name: str, process: TriggerProcess) -> None:
    trial.wait_for(lambda: process.exit_code() is not None or process.is_serving())
    trial.unknown[name] = (process.exit_code(), process.log())


def _blocked_packages(trial: ProductTrial) -> dict[str, str]:
    """Return the environment in which Python cannot import the legacy pipeline's packages."""
    folder = trial.harness.testbed.folder / "triggers" / "blocked"
    for name in load_contracts().parts["deployment"].constants["legacy_packages"]:
        package = folder / name
        package.mkdir(parents=True, exist_ok=True)
        text = f"raise ImportError('{name} is not installed, as after the move')\n"
        (package / "__init__.py").write_text(text, encoding="utf-8")
    earlier = trial.harness.fleet.environment.get("PYTHONPATH", "")
    return {"PYTHONPATH": f"{folder}:{earlier}".rstrip(":").replace("{", "{{").replace("}", "}}")}


def _prepare_shadow(trial: ProductTrial) -> None:
    trial.topic = f"topic-{id_sequence().new()}"
    trial.cases["shadow"] = prepare_case(
        trial.harness,
        tracks=3,
        seconds=8.0,
        offsets=(0.0, 1.0, 3.0),
        silent=[1],
        seed=303,
        zulip_topic=trial.topic,
    )


def _report_side_by_side(
    trial: ProductTrial, stages: Collection[Stage], pool: ThreadPoolExecutor
) -> dict[str, Future[Answer]]:
    """Report recordings; return the answers that come, by case."""
    processes, cases = trial.processes, trial.cases
    sent: dict[str, Future[Answer]] = {}

    def report(process: str, name: str, failure: StartFailure | None = None) -> None:
        if name not in cases:
            cases[name] = prepare_case(trial.harness, tracks=1, seconds=4.0, seed=302)
        if failure is not None:
            fault = StartFault(cases[name].recording_id, failure)
            processes[process].gateway.starts.add_fault(fault)
        sent[name] = pool.submit(processes[process].report, cases[name].event())

    if "failures" in stages:
        for failure in FAILURES:
            report("conductor", failure, failure)
    if "starts" in stages:
        cases["twice"] = prepare_mixed_case(trial.harness)
        cases["polled"] = prepare_case(trial.harness, tracks=1, seconds=4.0, seed=302)
        first, second = processes["conductor"], processes["second"]
        cases["twice"].list_for(trial.harness, first.daily_key, second.daily_key)
        report("conductor", "twice")
        sent["twice, second"] = pool.submit(second.report, cases["twice"].event())
        cases["polled"].list_for(trial.harness, first.daily_key)
        for process in (first, second):
            pool.submit(process.poll)
        report("conductor", "webhook")
    if "alone" in stages:
        report("second", "not started", "error")
    if "shadow" in stages:
        _prepare_shadow(trial)
        report("shadow", "shadow")
        report("shadow", "shadow without conductor", "error")
    if "bad" in stages:
        trial.refusals.extend(_refusals(trial))
    if "legacy" in stages:
        for name in {"legacy", "legacy with shadow mode"} & processes.keys():
            report(name, name)
            trial.wait_for_legacy(name)
    return sent


def _refusals(trial: ProductTrial) -> Iterator[Refusal]:
    """Send bad webhooks to a trigger that has nothing else to do, one after the other."""
    process = trial.processes["legacy" if trial.has_legacy else "second"]
    case = prepare_case(trial.harness, tracks=1, seconds=4.0, seed=302)
    room = case.scenario.room_name
    for bad in bad_webhooks(case, process.secret):
        lines, started = len(process.log()), trial.started_in(room)
        answer = process.post(bad.body, bad.headers)
        logged = not bad.is_refused or trial.wait_for(
            lambda lines=lines: len(process.log()) > lines,  # type: ignore[misc]
            LOG_SECONDS,
        )
        yield Refusal(bad, answer, logged, trial.started_in(room) - started)


def _run_shadow(trial: ProductTrial, stack: ExitStack) -> None:
    """Let both pipelines process the shadowed recording to its end."""
    fleet, process = trial.harness.fleet, trial.processes["shadow"]
    for name in ("shadow", "shadow without conductor"):
        trial.wait_for_legacy(name)
    trial.wait_for(lambda: trial.has_workflow("shadow"))
    trial.settle("shadow", "shadow without conductor")
    if not (trial.has_legacy and trial.trigger.legacy_command) or not fleet.profile.shadow_sql:
        return
    process.start(trial.trigger.legacy_command, "legacy", stack)
    recording = trial.cases["shadow"].recording_id

    def transcripts() -> Any:
        rows = database.rows(fleet.database_url, fleet.profile.shadow_sql, recording_id=recording)
        trial.shadow.update(rows[0] if rows else {})
        return rows

    trial.wait_for(transcripts)
    trial.wait_for(
        lambda: (
            trial.shadow
            and all(
                fleet.transcript(str(trial.shadow[side])).get("status") in {"ended", "error"}
                for side in ("counting", "shadow")
            )
        )
    )
    trial.wait_for_end("shadow")


def _settle_started(trial: ProductTrial, stages: Collection[Stage]) -> None:
    """Keep the outcomes so far: what has not ended when Conductor is lost falls back rightly."""
    if "failures" in stages:
        for name in ("error", "page", "hang"):
            trial.wait_for_legacy(name)
    names = [name for name in ("twice", "polled", "webhook", "lost") if name in trial.cases]
    trial.wait_for(lambda: all(map(trial.has_workflow, names)))
    trial.wait_for_end(*names)
    trial.settle(*(name for name in trial.cases if name not in trial.outcomes))


def _lose_conductor(trial: ProductTrial, pool: ThreadPoolExecutor) -> None:
    """Take Conductor from one trigger while a meeting runs, and give it back."""
    process = trial.processes["conductor"]
    for name in ("running", "refused"):
        trial.cases[name] = prepare_case(trial.harness, tracks=1, seconds=4.0, seed=302)
    running = trial.cases["running"]
    session = running.scenario.session_id
    # Its workflow waits for the participants until the trial is over.
    seconds = 3 * trial.trigger.seconds
    trial.harness.break_service("daily", path=f"*{session}*", delay=seconds)
    running_answer = pool.submit(process.report, running.event())
    trial.wait_for(lambda: trial.has_workflow("running"))
    trial.answers["running"] = running_answer.result()
    process.gateway.refuse()
    trial.answers["refused"] = process.report(trial.cases["refused"].event())
    for name in ("refused", "running"):
        trial.wait_for_legacy(name)
    process.gateway.accept()
    trial.wait_for_end("running")


def _start_later(trial: ProductTrial) -> None:
    """Report a recording that could not be started once more, now that Conductor is there."""
    second = trial.processes["second"]
    second.gateway.starts.release()
    trial.cases["started later"] = trial.cases["not started"]
    second.report(trial.cases["started later"].event())
    trial.wait_for(lambda: trial.outcome("started later").workflow_ids)


def _report_again(trial: ProductTrial) -> None:
    """Report a recording that was started three times more."""
    first, second = trial.processes["conductor"], trial.processes["second"]
    for process in (first, second, first):
        process.report(trial.cases["webhook"].event())
    trial.cases["webhook again"] = trial.cases["webhook"]
