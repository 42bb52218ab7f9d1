"""Parts of a verification that run on machines of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

WRITTEN: Final = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several parts of a verification."""

    number: int
    """From 1."""
    count: int
    tasks: tuple[tuple[str, ...], ...] = ()
    """The tasks of all shards, in their order; empty until the tests are collected."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the shard that a text such as `1/3` names.

        Raises:
            ValueError: It names none.
        """
        match = WRITTEN.fullmatch(text.strip())
        if match is None or int(match[1]) > int(match[2]):
            raise ValueError(f"{text!r} is not a shard such as 1/3")
        return cls(int(match[1]), int(match[2]))

    @property
    def own_tasks(self) -> tuple[str, ...]:
        """The tasks of this shard."""
        return self.tasks[self.number - 1] if self.tasks else ()

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def split(weights: Mapping[str, float], count: int) -> tuple[tuple[str, ...], ...]:
    """Distribute tasks over shards of about equal weight; the same input gives the same shards.

    The heaviest task that is left goes to the lightest shard. Within a shard the tasks keep their
    order.
    """
    loads = [0.0] * count
    shards: list[list[str]] = [[] for _ in range(count)]
    order = list(weights)
    for task in sorted(order, key=lambda name: (-weights[name], order.index(name))):
        lightest = loads.index(min(loads))
        shards[lightest].append(task)
        loads[lightest] += weights[task]
    return tuple(tuple(sorted(shard, key=order.index)) for shard in shards)
