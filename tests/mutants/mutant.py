"""What a mutant is."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from textwrap import dedent
from typing import Literal

from tools.testbed.fleet import REFERENCE, FleetProfile


@dataclass(frozen=True, slots=True)
class Mutant:
    """The reference fleet with one function replaced in its launcher."""

    id: str
    task: str
    """The task type with the bug, or `pipeline`."""
    text: str
    """The bug, as a sentence."""
    patch: str
    """Python that runs before the fleet's `main`."""
    killed_by: tuple[str, ...]
    """The clauses that must fail: all of them."""
    where: Literal["fleet", "register"] = "fleet"
    """Which command the patch goes into."""

    def profile(self) -> FleetProfile:
        """Return the faulty fleet."""
        module = "__main__" if self.where == "fleet" else "register"
        launcher = f"{dedent(self.patch)}\nfrom reference_workers.{module} import main\nmain()\n"
        command = (sys.executable, "-c", launcher)
        if self.where == "register":
            return replace(REFERENCE, name=self.id, register_command=command)
        return replace(REFERENCE, name=self.id, command=command)


def with_definition(task: str, **wrong: object) -> str:
    """Return a patch for `where="register"` that changes fields of a task's definition."""
    return f"""
import reference_workers.register as register
definitions = register.definitions
def wrong():
    tasks, workflow = definitions()
    for task in tasks:
        if task["name"] == {task!r}:
            task.update({wrong!r})
    return tasks, workflow
register.definitions = wrong
"""
