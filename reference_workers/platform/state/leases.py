"""Let one of many processes do what only one is to do: whoever holds the lease.

A lease runs out when its holder no longer renews it. Clocks of machines may differ by less than
that, so for a moment there may be two holders: what is done under a lease has to bear that.
"""

from __future__ import annotations

import time

from reference_workers.errors import ConflictError, TransientError
from reference_workers.platform.state.models import Lease
from reference_workers.platform.state.repository import State


def acquire(state: State, name: str, owner: str, *, seconds: float) -> bool:
    """Take or renew a lease; tell whether it is the owner's now.

    Raises:
        TransientError: The database does not answer.
    """
    present = time.time()
    with state.read_session() as session:  # most who ask do not get it, and need not wait to write
        lease = session.get(Lease, name)
    if lease is not None and lease.owner != owner and lease.expires_at > present:
        return False
    try:
        with state.write_session() as session:
            lease = session.get(Lease, name, with_for_update=True)
            if lease is None:
                session.add(Lease(name=name, owner=owner, expires_at=present + seconds))
            elif lease.owner == owner or lease.expires_at <= present:
                lease.owner, lease.expires_at = owner, present + seconds
            else:
                return False
    except ConflictError:
        return False
    return True


def release(state: State, name: str, owner: str) -> None:
    """Let others have a lease at once, if it is still the owner's."""
    try:
        with state.write_session() as session:
            lease = session.get(Lease, name, with_for_update=True)
            if lease is not None and lease.owner == owner:
                session.delete(lease)
    except TransientError:
        return  # it runs out by itself
