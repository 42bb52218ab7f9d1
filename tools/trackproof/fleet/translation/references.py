"""Translation of Conductor's references, such as `${merge_transcripts.output.all_words}`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from trackproof.contracts.dataflow.expressions import EXPRESSION
from trackproof.fleet.translation.field_map import FieldMap, TemplateMap

Direction = Literal["to_fleet", "from_fleet"]

_HEAD = re.compile(r"^(?P<step>[\w-]+)(?P<rest>(?:[.\[].*)?)$", re.DOTALL)
_SIDE = re.compile(r"^\.(?P<side>input|output)(?P<path>(?:[.\[].*)?)$", re.DOTALL)
_PART = re.compile(
    r"\.\.(?P<deep>[\w-]+)|\.(?P<name>[\w-]+)"
    r"|\[(?P<quote>['\"])(?P<quoted>.+?)(?P=quote)\]|(?P<other>\.\*|\[[^\]]*\])"
)


class References:
    """Translates the references in a text between the contracts' terms and a fleet's."""

    def __init__(
        self,
        workflow: Mapping[str, Any],
        steps: TemplateMap,
        field_map: Callable[[str, str], FieldMap],
    ) -> None:
        """Read the steps of a workflow.

        Args:
            workflow: The contracts' workflow.
            steps: Reference names of steps.
            field_map: Returns the map of a task type's, or the workflow's, `input` or `output`.
        """
        self._steps = steps
        self._field_map = field_map
        self._owners: dict[str, tuple[str, ...]] = {}
        self._joins: set[str] = set()
        self._read(workflow["tasks"])

    def to_fleet(self, text: str) -> str:
        """Return a text of the contracts with its references in the fleet's terms."""
        return EXPRESSION.sub(lambda found: self._translate(found[1], "to_fleet"), text)

    def from_fleet(self, text: str) -> str:
        """Return a fleet's text with its references in the contracts' terms."""
        return EXPRESSION.sub(lambda found: self._translate(found[1], "from_fleet"), text)

    def _read(self, tasks: Sequence[Mapping[str, Any]]) -> None:
        """Note the task types whose output each step has: its own, or its branches'."""
        branches: tuple[str, ...] = ()
        for task in tasks:
            reference, parameters = task["taskReferenceName"], task.get("inputParameters") or {}
            match task["type"]:
                case "FORK_JOIN_DYNAMIC":
                    source = str(parameters.get(task.get("dynamicForkTasksParam"), ""))
                    branches = self._branch_types(tasks, source)
                case "FORK_JOIN":
                    branches = tuple(branch[-1]["name"] for branch in task["forkTasks"] if branch)
                    for branch in task["forkTasks"]:
                        self._read(branch)
                case "JOIN":
                    self._owners[reference] = branches
                    self._joins.add(reference)
                case _:
                    self._owners[reference] = (task["name"],)

    @staticmethod
    def _branch_types(tasks: Sequence[Mapping[str, Any]], source: str) -> tuple[str, ...]:
        """Return the task type that the step behind `source` plans branches for."""
        planner = source.removeprefix("${").partition(".")[0]
        return tuple(
            task["inputParameters"]["task_type"]
            for task in tasks
            if task["taskReferenceName"] == planner
            and "task_type" in (task.get("inputParameters") or {})
        )

    def _translate(self, expression: str, direction: Direction) -> str:
        head = _HEAD.match(expression)
        if head is None:
            return f"${{{expression}}}"
        step = head["step"]
        if step != "workflow":
            step = getattr(self._steps, direction)(step)
        contract_step = head["step"] if direction == "to_fleet" else step
        rest = head["rest"]
        if side := _SIDE.match(rest):
            path = self._path(contract_step, side["side"], side["path"], direction)
            rest = f".{side['side']}{path}"
        return f"${{{step}{rest}}}"

    def _path(self, step: str, side: str, path: str, direction: Direction) -> str:
        parts = list(_parts(path))
        if "".join(part.text for part in parts) != path:
            return path  # an unknown syntax, for the server to judge
        if step in self._joins and side == "output":
            branch, fields = parts[:1], parts[1:]
            if branch and branch[0].name.startswith(".."):
                branch, fields = [], parts  # below every branch
            translated = [
                part.name
                if part.name.startswith("[")
                else getattr(self._steps, direction)(part.name)
                for part in branch
            ]
            ours = [part.name for part in branch] if direction == "to_fleet" else translated
            owners = self._owners.get(ours[0]) if ours else None
            translated += self._fields(owners or self._owners[step], side, fields, direction)
        else:
            owners = ("workflow",) if step == "workflow" else self._owners.get(step, ("",))
            translated = self._fields(owners, side, parts, direction)
        return "".join(part.written(name) for part, name in zip(parts, translated, strict=True))

    def _fields(
        self, owners: Sequence[str], side: str, parts: Sequence[_Part], direction: Direction
    ) -> list[str]:
        """Translate by the first owner that has other names for these fields."""
        names = [part.name for part in parts]
        for owner in owners:
            fields = self._field_map(owner, side)
            translated: list[str] = getattr(fields, f"path_{direction}")(names)
            if translated != names:
                return translated
        return names


class _Part:
    """One part of a path: `.name`, `['name']`, `..name`, or something without a name."""

    def __init__(self, match: re.Match[str]) -> None:
        self.text = match[0]
        self._quote = match["quote"] or ""
        self.name: str = (
            match["name"]
            or match["quoted"]
            or (f"..{match['deep']}" if match["deep"] else f"[{match['other']}")
        )

    def written(self, name: str) -> str:
        """Return the part with another name, in the syntax it had."""
        if name.startswith("["):
            return name[1:]
        if name.startswith(".."):
            return name
        return f"[{self._quote}{name}{self._quote}]" if self._quote else f".{name}"


def _parts(path: str) -> Iterator[_Part]:
    return map(_Part, _PART.finditer(path))
