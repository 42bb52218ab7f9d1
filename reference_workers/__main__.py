"""Run the fleet until SIGTERM or Ctrl-C: `python -m reference_workers`."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import structlog

from reference_workers.context import Clients, clear_abandoned_scratch
from reference_workers.platform import log
from reference_workers.platform.client import ConductorClient
from reference_workers.platform.reconciler import Reconciler
from reference_workers.platform.redaction import secrets_of
from reference_workers.runner import FleetRunner
from reference_workers.settings import Settings
from reference_workers.startup import exit_on_startup_error


def main() -> None:
    """Poll for every task type until SIGTERM or Ctrl-C."""
    with exit_on_startup_error("fleet"):
        _run(Settings())


def _run(settings: Settings) -> None:
    log.configure(
        debug=settings.conductor_debug,
        as_json=settings.log_format == "json",
        secrets=secrets_of(settings),
    )
    stop_requested = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop_requested.set())

    with Clients.open(settings) as clients:
        clients.state.migrate()
        if abandoned := clear_abandoned_scratch():
            structlog.get_logger().info("removed scratch of killed processes", folders=abandoned)
        with _background_services(clients):
            fleet = FleetRunner(clients)
            fleet.start()
            structlog.get_logger().info("fleet is polling", server=settings.conductor_server_url)
            stop_requested.wait()
            fleet.stop()
        structlog.get_logger().info("fleet stopped")


@contextmanager
def _background_services(clients: Clients) -> Iterator[None]:
    """Run the outbox publisher (with Redis) and the reconciler until the block ends."""
    settings = clients.settings
    with ExitStack() as stack:
        if settings.redis_url:
            from reference_workers.platform.state.outbox_publisher import Publisher  # noqa: PLC0415 - slow to load

            stack.enter_context(Publisher(clients.state, settings.redis_url).running())
        reconciler = Reconciler(
            clients.state,
            lambda: ConductorClient.from_settings(settings),
            seconds=settings.reconcile_seconds,
        )
        stack.enter_context(reconciler.running())
        yield


if __name__ == "__main__":
    main()
