"""The cells of the matrix, from the contracts: which faults can hit a task."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from trackproof.contracts.load import TaskContract, load_contracts
from trackproof.testbed.fault_proxy import KINDS

Lasting = Literal["once", "3s", "for-good"]
LASTING: Final[tuple[Lasting, ...]] = ("once", "3s", "for-good")

LINK_KINDS: Final = ("refuse", "hang", "reset", "cut")
"""Faults of the connections that every task has: to Conductor and to the database."""

PROCESS_KINDS: Final = ("kill", "stop", "term")
"""SIGKILL, SIGSTOP and SIGTERM of the fleet's processes."""

SERVER_KINDS: Final = ("kill", "stop")
"""SIGKILL and SIGSTOP of Conductor, PostgreSQL and Redis; a killed one starts again."""

DISK_KINDS: Final = ("full",)
"""Faults of the disk with the fleet's temporary files."""

READS_OBJECTS: Final = frozenset({"transcribe_track"})
"""Tasks whose service reads from S3, besides those whose contract has errors of S3."""

WRITES_FILES: Final = frozenset({"pad_track", "mixdown_tracks", "generate_waveform"})
"""Tasks that may keep audio on the disk."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault in one task of one meeting."""

    task: str
    place: str
    """A service, `s3`, `conductor`, `database`, `redis`; `fleet` or `server` (Conductor's) for
    their processes; `work` for the disk with the fleet's temporary files."""
    kind: str
    lasting: Lasting

    @property
    def id(self) -> str:
        """`TASK/PLACE.KIND.LASTING`."""
        return f"{self.task}/{self.place}.{self.kind}.{self.lasting}"

    @property
    def is_process(self) -> bool:
        """Whether processes are signalled or a disk is filled, and no connection is disturbed."""
        return self.kind not in KINDS

    @property
    def denied(self) -> bool:
        """Whether somebody denies consent: cleanup_consent has work only then."""
        return self.task == "cleanup_consent"

    def is_chosen(self, names: Sequence[str]) -> bool:
        """Return whether one of the names is this cell's task, its fault or the cell itself."""
        return not names or any(
            name in {self.task, f"{self.task}/{self.place}", self.id}
            or self.id.startswith(f"{name}.")
            for name in names
        )


def all_cells(*, redis: bool = False) -> list[Cell]:
    """Return every cell, in the order of the pipeline; those of Redis for a fleet that uses one."""
    return [
        Cell(task.name, place, kind, lasting)
        for task in load_contracts().tasks_in_order
        for place, kinds in _faults_of(task, redis=redis)
        for kind in kinds
        for lasting in lastings(kind)
    ]


def lastings(kind: str) -> tuple[Lasting, ...]:
    """Return how long a kind can last.

    Nobody can refuse a single connection, because a closed port does not know the next one: what
    remains is `reset`, which resets one accepted connection.
    """
    return LASTING[1:] if kind == "refuse" else LASTING


def sample(cells: Sequence[Cell], number: int, seed: str) -> list[Cell]:
    """Return a spread sample: tasks and faults take turns, so that no few of them fill it."""
    left = list(cells)
    random.Random(seed).shuffle(left)
    chosen: list[Cell] = []
    while left and len(chosen) < number:
        met = [
            (
                sum(one.task == cell.task for one in chosen),
                sum((one.place, one.kind) == (cell.place, cell.kind) for one in chosen),
                sum(one.lasting == cell.lasting for one in chosen),
            )
            for cell in left
        ]
        chosen.append(left.pop(min(range(len(left)), key=lambda index: met[index])))
    order = {cell: number for number, cell in enumerate(cells)}
    return sorted(chosen, key=order.__getitem__)


def _faults_of(task: TaskContract, *, redis: bool) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the places of faults that can hit a task, with the kinds."""
    for service in sorted({call["service"] for call in task.effects.get("calls", ())}):
        yield service, KINDS
    if task.name in READS_OBJECTS or any("S3" in text for text in task.errors["retryable"]):
        yield "s3", KINDS
    if task.name in WRITES_FILES:
        yield "work", DISK_KINDS
    yield "conductor", LINK_KINDS
    yield "database", (*LINK_KINDS, *SERVER_KINDS)
    if redis:
        yield "redis", (*LINK_KINDS, *SERVER_KINDS)
    yield "fleet", PROCESS_KINDS
    yield "server", SERVER_KINDS
