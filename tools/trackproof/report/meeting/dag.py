"""The workflow as a picture: a node for each step, a lane for each branch of a fork."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from trackproof.contracts.load import load_contracts
from trackproof.events.timeline import Timeline, TimelineEntry
from trackproof.runs.progress import NOT_STARTED, has_failed

WIDTH: Final = 720
NODE_HEIGHT: Final = 34
GAP: Final = 18
LANE_HEIGHT: Final = 24
CHARACTER_WIDTH: Final = 7.4
LANE_COLUMNS: Final = 3
"""Lanes of a dynamic fork beside each other; more go below."""

ICONS: Final[Mapping[str, str]] = {
    NOT_STARTED: "·",
    "SCHEDULED": "○",
    "IN_PROGRESS": "◐",
    "COMPLETED": "✓",
    "SKIPPED": "–",
    "CANCELED": "–",
}
FAILED_ICON: Final = "✗"


@dataclass(frozen=True, slots=True)
class Box:
    """One step or one branch, with its place in the picture."""

    name: str
    status: str
    attempts: int
    seconds: float
    x: float
    y: float
    width: float
    height: float

    @property
    def icon(self) -> str:
        """A character for the status."""
        return ICONS.get(self.status, FAILED_ICON)

    @property
    def kind(self) -> str:
        """A class for the colour: pending, queued, running, done, failed, skipped."""
        return status_kind(self.status)

    @property
    def label(self) -> str:
        """Icon and name, as long as they fit."""
        room = max(int(self.width / CHARACTER_WIDTH) - len(self.detail) - 3, 8)
        end = room // 2  # the number of a branch stays
        short = f"{self.name[: room - end - 1]}…{self.name[-end:]}"
        return f"{self.icon} {self.name if len(self.name) <= room else short}"

    @property
    def detail(self) -> str:
        """Attempts and duration."""
        again = f"×{self.attempts} " if self.attempts > 1 else ""
        return f"{again}{self.seconds:.1f} s" if self.attempts else ""

    @property
    def title(self) -> str:
        """Everything in one line."""
        word = self.status.replace("_", " ").lower()
        attempts = "1 attempt" if self.attempts == 1 else f"{self.attempts} attempts"
        return f"{self.name}: {word}, {attempts}, {self.seconds:.2f} s"


@dataclass(frozen=True, slots=True)
class Frame:
    """The border of a fork with its lanes."""

    name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Dag:
    """The picture; in a view box of `width` × `height`."""

    boxes: tuple[Box, ...]
    frames: tuple[Frame, ...]
    lines: tuple[tuple[float, float, float, float], ...]
    height: float
    width: float = WIDTH


def status_kind(status: str) -> str:
    """Return the class of a status for its colour."""
    known = {
        NOT_STARTED: "pending",
        "SCHEDULED": "queued",
        "IN_PROGRESS": "running",
        "COMPLETED": "done",
        "SKIPPED": "skipped",
        "CANCELED": "skipped",
    }
    return known.get(status, "failed" if has_failed(status) else "skipped")


def dag_of(timeline: Timeline | None) -> Dag:
    """Draw the contracts' workflow in the state of a run; all steps pending without one."""
    return _Drawing(timeline.attempts if timeline else ()).drawn()


class _Drawing:
    def __init__(self, attempts: Sequence[TimelineEntry]) -> None:
        self._attempts: dict[str, list[TimelineEntry]] = {}
        for one in attempts:
            self._attempts.setdefault(one.reference, []).append(one)
        contracts = load_contracts()
        self._tasks = contracts.workflow["tasks"]
        self._branch_types = {
            step.reference: step.task_type for step in contracts.steps if step.dynamic
        }
        self._boxes: list[Box] = []
        self._frames: list[Frame] = []
        self._lines: list[tuple[float, float, float, float]] = []
        self._y = 1.0

    def drawn(self) -> Dag:
        for task in self._tasks:
            match task["type"]:
                case "FORK_JOIN_DYNAMIC":
                    self._dynamic(task)
                case "FORK_JOIN":
                    self._static(task)
                case "SIMPLE":
                    width = WIDTH * 0.6
                    self._connect()
                    self._box(task["taskReferenceName"], (WIDTH - width) / 2, width)
                    self._y += NODE_HEIGHT + GAP
                case _:
                    pass  # a JOIN is where the lines of its fork meet
        return Dag(
            tuple(self._boxes), tuple(self._frames), tuple(self._lines), max(self._y - GAP, 1) + 2
        )

    def _connect(self) -> None:
        if self._boxes:
            self._lines.append((WIDTH / 2, self._y - GAP, WIDTH / 2, self._y))

    def _box(self, name: str, x: float, width: float, height: float = NODE_HEIGHT) -> None:
        attempts = self._attempts.get(name, [])
        latest = attempts[-1] if attempts else None
        self._boxes.append(
            Box(
                name=name,
                status=latest.status if latest else NOT_STARTED,
                attempts=len(attempts),
                seconds=sum(one.seconds for one in attempts),
                x=x,
                y=self._y,
                width=width,
                height=height,
            )
        )

    def _dynamic(self, task: Mapping[str, Any]) -> None:
        """Draw a lane for each branch that the server has scheduled."""
        task_type = self._branch_types.get(task["taskReferenceName"], "")
        branches = [
            name for name, attempts in self._attempts.items() if attempts[0].task_type == task_type
        ]
        branches.sort(key=_natural)
        self._connect()
        columns = min(LANE_COLUMNS, max(len(branches), 1))
        rows = -(-max(len(branches), 1) // columns)
        top, width = self._y, (WIDTH - 24) / columns
        self._y += 24
        for index, name in enumerate(branches):
            row, column = index % rows, index // rows
            self._y = top + 24 + row * (LANE_HEIGHT + 4)
            self._box(name, 12 + column * width, width - 6, LANE_HEIGHT)
        height = 24 + rows * (LANE_HEIGHT + 4) + 6
        count = f" × {len(branches)}" if branches else ""
        self._frames.append(Frame(f"{task_type}{count}", 0, top, WIDTH, height))
        self._y = top + height + GAP

    def _static(self, task: Mapping[str, Any]) -> None:
        """Draw the branches beside each other."""
        branches = task.get("forkTasks") or []
        width, top = WIDTH / max(len(branches), 1), self._y
        lowest = top
        for number, branch in enumerate(branches):
            self._y, middle = top, width * (number + 0.5)
            self._lines.append((WIDTH / 2, top - GAP, middle, top))
            for one in branch:
                if one["type"] == "SIMPLE":
                    self._box(one["taskReferenceName"], width * number + 10, width - 20)
                    self._y += NODE_HEIGHT + GAP
            lowest = max(lowest, self._y)
        for number in range(len(branches)):
            middle = width * (number + 0.5)
            self._lines.append((middle, lowest - GAP, WIDTH / 2, lowest + 6))
        self._y = lowest + 6 + GAP


def _natural(name: str) -> tuple[str, int]:
    """Order `pad_track_10` after `pad_track_9`."""
    stem, _, number = name.rpartition("_")
    return (stem, int(number)) if number.isdigit() else (name, -1)
