"""Base class of everything that runs until `stop`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self


class Stoppable(ABC):
    """Context manager that stops at the end of the block; `__enter__` starts nothing."""

    @abstractmethod
    def stop(self) -> None:
        """Stop and release everything; a second call does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
