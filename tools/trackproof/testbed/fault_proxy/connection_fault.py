"""What a fault proxy does to connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

Kind = Literal["refuse", "hang", "reset", "cut", "drip", "limit", "corrupt"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

LOSES_ANSWERS: Final = frozenset({"cut", "drip", "corrupt"})
"""Kinds that pass a request on and damage its answer: the server has carried it out."""


@dataclass(frozen=True, slots=True)
class ConnectionFault:
    """One fault of connections.

    It applies to a connection from its next request on, so an answer that is under way arrives.

    `refuse`: nobody listens, and open connections are reset at their next request; with
    `connections`, so many are accepted and reset, because a closed port cannot count. `hang`: no
    byte passes; a request waits for the end of the fault. `reset`: a TCP reset instead of passing
    the request on. `cut`: the connection ends in order after `after_bytes` of the answer. `drip`:
    the answer arrives a byte every `pause` seconds. `limit`: both directions have
    `bytes_per_second`. `corrupt`: every byte of the answer from `after_bytes` on is 0xFF.
    """

    kind: Kind
    connections: int | None = None
    """Number of connections it applies to; None: all, until it is lifted."""
    after_bytes: int = 0
    """Bytes of the answer that arrive unharmed; for `cut` and `corrupt`."""
    pause: float = 0.5
    """Seconds between two bytes of `drip`."""
    bytes_per_second: float = 2_000.0
    """Bandwidth of `limit`."""
