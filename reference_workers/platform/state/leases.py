"""Database leases for leader election among processes.

A lease expires unless its holder renews it. Since clocks differ between machines, two holders may
overlap for a moment; work under a lease must tolerate that.
"""

from __future__ import annotations

import time

from reference_workers.errors import ConflictError, TransientError
from reference_workers.platform.state.models import Lease
from reference_workers.platform.state.repository import State

now = time.time
"""Epoch seconds; replaced in tests."""


def acquire(state: State, name: str, owner: str, *, seconds: float) -> bool:
    """Acquire or renew a lease; return whether the owner holds it.

    Raises:
        TransientError: The database does not answer.
    """
    current = now()
    with state.read_session() as session:  # most callers fail here, without a write lock
        lease = session.get(Lease, name)
    if lease is not None and lease.owner != owner and lease.expires_at > current:
        return False
    try:
        with state.write_session() as session:
            lease = session.get(Lease, name, with_for_update=True)
            if lease is None:
                session.add(Lease(name=name, owner=owner, expires_at=current + seconds))
            elif lease.owner == owner or lease.expires_at <= current:
                lease.owner, lease.expires_at = owner, current + seconds
            else:
                return False
    except ConflictError:
        return False
    return True


def exists(state: State, name: str) -> bool:
    """Return whether somebody holds a lease, or has let it expire without releasing it.

    Raises:
        TransientError: The database does not answer.
    """
    with state.read_session() as session:
        return session.get(Lease, name) is not None


def expire(state: State, name: str, owner: str) -> None:
    """End a lease that the owner still holds, and leave it as a sign that work was begun."""
    try:
        with state.write_session() as session:
            lease = session.get(Lease, name, with_for_update=True)
            if lease is not None and lease.owner == owner:
                lease.expires_at = 0.0
    except TransientError:
        return  # it expires by itself


def release(state: State, name: str, owner: str) -> None:
    """Release a lease if the owner still holds it."""
    try:
        with state.write_session() as session:
            lease = session.get(Lease, name, with_for_update=True)
            if lease is not None and lease.owner == owner:
                session.delete(lease)
    except TransientError:
        return  # it expires
