"""Remove the containers with a label on SIGTERM.

Runs under `ManagedProcess`, which sends SIGTERM whatever ends the run, SIGKILL included. So the
containers of a killed run are removed without a helper container and its image.
"""

from __future__ import annotations

import signal
import sys

READY = "watching containers"


def main(label: str) -> int:
    """Wait for SIGTERM, then remove every container with `label`, given as `name=value`."""
    # Blocked before the slow import: an early signal waits instead of ending this process.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    from testcontainers.core.docker_client import DockerClient  # noqa: PLC0415

    engine = DockerClient().client
    print(f"{READY} with label {label}", flush=True)  # noqa: T201 - read by the parent
    signal.sigwait({signal.SIGTERM})
    for container in engine.containers.list(all=True, filters={"label": label}):
        container.remove(force=True, v=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
