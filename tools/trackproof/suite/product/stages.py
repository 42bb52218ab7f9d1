"""The stages of a trial: recordings through triggers in all positions, side by side, once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from trackproof.contracts.load import load_contracts
from trackproof.errors import FleetError
from trackproof.fleet.profile import TriggerProfile
from trackproof.runs.ids import id_sequence
from trackproof.suite.harness import Harness
from trackproof.suite.product.bad_webhooks import bad_webhooks
from trackproof.suite.product.cases import prepare_case, prepare_mixed_case
from trackproof.suite.product.processes import TriggerProcess, position, switch_variables
from trackproof.suite.product.trial import ProductTrial, Refusal
from trackproof.suite.product.webhooks import Answer
from trackproof.testbed import database
from trackproof.testbed.conductor.starts import StartFailure, StartFault

FAILURES: Final[tuple[StartFailure, ...]] = ("error", "page", "hang", "lost")
"""Faults of a start; each has a case of its name."""

LOG_SECONDS: Final = 2.0


@contextmanager
def product_trial(harness: Harness, trigger: TriggerProfile) -> Iterator[ProductTrial]:
    """Run the trial; its processes end with the block.

    Raises:
        FleetError: A trigger does not start.
    """
    trial = ProductTrial(harness, trigger)
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(24))
        _start_processes(trial, stack)
        _prepare(trial)
        answers = _report_side_by_side(trial, pool)
        _run_shadow(trial, stack)
        trial.answers.update((name, answer.result()) for name, answer in answers.items())
        trial.wait_for_legacy("hang")
        _lose_conductor(trial, pool)
        _report_again(trial)
        trial.settle(*(name for name in trial.cases if name not in trial.outcomes))
        yield trial


def _start_processes(trial: ProductTrial, stack: ExitStack) -> None:
    trigger = trial.trigger
    conductor = position(trigger, "conductor")
    blocked = {**conductor, **trigger.no_fallback, **_blocked_packages(trial)}
    switches = {
        "conductor": {**conductor, **trigger.impatient},
        "second": blocked,
        "legacy": position(trigger, "legacy"),
        "legacy with shadow mode": position(trigger, "legacy_with_shadow_mode"),
        "shadow": position(trigger, "shadow"),
    }
    value = load_contracts().parts["switch"].constants["unknown_value"]
    unknown = {name: {**conductor, name: value} for name in switch_variables(trigger)}
    started: dict[str, TriggerProcess] = {}
    for number, (name, switch) in enumerate({**switches, **unknown}.items(), start=1):
        started[name] = TriggerProcess(
            trial.harness, trigger, name, switch, number=number, stack=stack
        )
    for name in switches:
        process = trial.processes[name] = started[name]
        try:
            process.wait_until_ready()
        except FleetError as error:
            if name != "second":
                raise
            trial.import_error = str(error)
            switch = {**conductor, **trigger.no_fallback}
            process = TriggerProcess(
                trial.harness, trigger, name, switch, number=len(started) + 1, stack=stack
            )
            process.wait_until_ready()
            trial.processes[name] = process
    for name in unknown:
        _watch_exit(trial, name, started[name])


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


def _prepare(trial: ProductTrial) -> None:
    harness = trial.harness
    trial.cases["twice"] = prepare_mixed_case(harness)
    for name in (
        *("polled", "webhook", "refused", "running", "not started", *FAILURES),
        *("legacy", "legacy with shadow mode", "shadow without conductor", "bad"),
    ):
        trial.cases[name] = prepare_case(harness, tracks=1, seconds=4.0, seed=302)
    trial.topic = f"topic-{id_sequence().new()}"
    trial.cases["shadow"] = prepare_case(
        harness,
        tracks=3,
        seconds=8.0,
        offsets=(0.0, 1.0, 3.0),
        silent=[1],
        seed=303,
        zulip_topic=trial.topic,
    )


def _report_side_by_side(
    trial: ProductTrial, pool: ThreadPoolExecutor
) -> dict[str, Future[Answer]]:
    """Report the recordings; return the answers that come, by case."""
    processes, cases = trial.processes, trial.cases
    first, second = processes["conductor"], processes["second"]
    for failure in FAILURES:
        first.gateway.starts.add_fault(StartFault(cases[failure].recording_id, failure))
    for name, process in (
        ("not started", second),
        ("shadow without conductor", processes["shadow"]),
    ):
        process.gateway.starts.add_fault(StartFault(cases[name].recording_id, "error"))
    sent: dict[str, Future[Answer]] = {}

    def send(process: TriggerProcess, name: str) -> None:
        sent[name] = pool.submit(process.post, cases[name].event())

    cases["twice"].list_for(trial.harness, first.daily_key, second.daily_key)
    send(first, "twice")
    again = pool.submit(second.post, cases["twice"].event())
    cases["polled"].list_for(trial.harness, first.daily_key)
    for process in (first, second):
        pool.submit(process.poll)
    for name in ("webhook", *FAILURES):
        send(first, name)
    send(second, "not started")
    for name in ("shadow", "shadow without conductor"):
        send(processes["shadow"], name)
    trial.refusals.extend(_refusals(trial))
    for name in ("legacy", "legacy with shadow mode"):
        send(processes[name], name)
    for name in ("error", "page", "legacy", "legacy with shadow mode"):
        trial.wait_for_legacy(name)
    return {**sent, "": again}


def _refusals(trial: ProductTrial) -> Iterator[Refusal]:
    """Send bad webhooks to the trigger that starts no workflow, one after the other."""
    process = trial.processes["legacy"]
    case = trial.cases["bad"]
    room = case.scenario.room_name
    for bad in bad_webhooks(case):
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
    if not trial.trigger.legacy_command or not fleet.profile.shadow_sql:
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


def _lose_conductor(trial: ProductTrial, pool: ThreadPoolExecutor) -> None:
    """Take Conductor from one trigger while a meeting runs, and give it back."""
    process, running = trial.processes["conductor"], trial.cases["running"]
    session = running.scenario.session_id
    # Its workflow waits for the participants until the trial is over.
    seconds = 3 * trial.trigger.seconds
    trial.harness.break_service("daily", path=f"*{session}*", delay=seconds)
    running_answer = pool.submit(process.post, running.event())
    trial.wait_for(lambda: trial.has_workflow("running"))
    trial.answers["running"] = running_answer.result()
    # What has not ended by now falls back rightly, so its outcome is kept before.
    names = ("twice", "polled", "webhook", "lost")
    trial.wait_for(lambda: all(map(trial.has_workflow, names)))
    trial.wait_for_end(*names)
    trial.settle(*names, *FAILURES)
    process.gateway.refuse()
    trial.answers["refused"] = process.post(trial.cases["refused"].event())
    for name in ("refused", "running"):
        trial.wait_for_legacy(name)
    process.gateway.accept()
    trial.wait_for_end("running")


def _report_again(trial: ProductTrial) -> None:
    """Report recordings once more: one that was started, and one that could not be."""
    second, first = trial.processes["second"], trial.processes["conductor"]
    trial.settle("not started")
    second.gateway.starts.release()
    second.post(trial.cases["not started"].event())
    trial.cases["started later"] = trial.cases["not started"]
    trial.wait_for(lambda: trial.outcome("started later").workflow_ids)
    for process in (first, second, first):
        process.post(trial.cases["webhook"].event())
    trial.cases["webhook again"] = trial.cases["webhook"]
