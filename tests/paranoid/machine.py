"""Hypothesis generates schedules; the smallest failing one is found by shrinking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.paranoid.schedule import ACTS, TASKS, Act, Schedule

Problems = Callable[[Schedule], list[str]]

STEPS = 8
"""Most rules of one example."""


class ProblemsError(AssertionError):
    """A meeting with a schedule went wrong."""

    def __init__(self, schedule: Schedule, problems: list[str]) -> None:
        """Keep both for the report."""
        super().__init__(f"{schedule}: {' | '.join(problems)}")
        self.schedule = schedule
        self.problems = problems


def find_failure(problems: Problems, *, number: int, seed_of: int) -> ProblemsError | None:
    """Return the smallest failing schedule that was found; None if none failed.

    Args:
        problems: Runs a meeting; called once for each schedule.
        number: Number of examples.
        seed_of: Seed of the generation.
    """
    known: dict[Schedule, list[str]] = {}

    def judge(schedule: Schedule) -> None:
        if schedule not in known:
            known[schedule] = problems(schedule)
        if known[schedule]:
            raise ProblemsError(schedule, known[schedule])

    class Machine(RuleBasedStateMachine):
        """Collects what happens to the next meeting, and holds it."""

        def __init__(self) -> None:
            super().__init__()
            self.acts: set[tuple[str, Act]] = set()

        @rule(task=st.sampled_from(TASKS), act=st.sampled_from(ACTS))
        def happen(self, task: str, act: Act) -> None:
            self.acts.add((task, act))

        @precondition(lambda self: self.acts)
        @rule()
        def hold_meeting(self) -> None:
            schedule = Schedule(frozenset(self.acts))
            self.acts.clear()
            judge(schedule)

    chosen: Any = settings(
        max_examples=number,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    seeded: Any = seed(seed_of)(Machine)
    try:
        run_state_machine_as_test(seeded, settings=chosen)
    except ProblemsError as error:
        return error
    return None
