"""Serve the API until SIGTERM or Ctrl-C: `python -m reference_workers.api`."""

from __future__ import annotations

import sys

from reference_workers import log
from reference_workers.api.serving import RefusedToListenError, Server, configured
from reference_workers.redacting import secrets_of
from reference_workers.settings import Settings


def main() -> int:
    """Serve; return 0, or 2 where the settings do not allow it."""
    settings = Settings()
    log.configure(
        debug=settings.conductor_debug,
        as_json=settings.log_format == "json",
        secrets=secrets_of(settings),
    )
    try:
        config = configured(settings)
    except RefusedToListenError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    Server(config).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
