"""Run the fleet until it is told to stop: `python -m reference_workers`."""

from __future__ import annotations

import signal
import threading

import structlog

from reference_workers import log
from reference_workers.context import Clients
from reference_workers.runner import Fleet
from reference_workers.settings import Settings


def main() -> None:
    """Poll for every task type until SIGTERM or Ctrl-C."""
    settings = Settings()
    log.configure(debug=settings.conductor_debug)
    told_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())

    with Clients.opened(settings) as clients:
        clients.state.migrate()
        fleet = Fleet(clients)
        fleet.start()
        structlog.get_logger().info("fleet polls", server=settings.conductor_server_url)
        told_to_stop.wait()
        fleet.stop()
        structlog.get_logger().info("fleet stopped")


if __name__ == "__main__":
    main()
