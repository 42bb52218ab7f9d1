"""Serve the API until SIGTERM or Ctrl-C: `python -m reference_workers.platform.api`."""

from __future__ import annotations

from reference_workers.platform import log
from reference_workers.platform.api.head_limits import raise_file_limit
from reference_workers.platform.api.server import Server, uvicorn_config
from reference_workers.platform.redaction import secrets_of
from reference_workers.settings import Settings
from reference_workers.startup import exit_on_startup_error


def main() -> None:
    """Serve the API; exit with code 2 on a startup error."""
    with exit_on_startup_error("api"):
        settings = Settings()
        log.configure(
            debug=settings.conductor_debug,
            as_json=settings.log_format == "json",
            secrets=secrets_of(settings),
        )
        raise_file_limit()
        Server(uvicorn_config(settings)).run()


if __name__ == "__main__":
    main()
