"""Remove the containers that carry a label, as soon as this process is told to end.

Run under `ManagedProcess`, which ends its command whatever ends the run, SIGKILL included. So
the containers of a killed run go away without a helper container and its image.
"""

from __future__ import annotations

import signal
import sys

READY = "guarding containers"


def main(label: str) -> int:
    """Wait for SIGTERM, then remove every container that carries `label`."""
    # Blocked before anything slow: a signal that comes early waits instead of ending us.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    from testcontainers.core.docker_client import DockerClient  # noqa: PLC0415

    engine = DockerClient().client
    print(f"{READY} labelled {label}", flush=True)  # noqa: T201  read by the parent
    signal.sigwait({signal.SIGTERM})
    for container in engine.containers.list(all=True, filters={"label": label}):
        container.remove(force=True, v=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
