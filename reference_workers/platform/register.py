"""Register task definitions and workflow: `python -m reference_workers.platform.register`.

Uses metadata calls that all supported server versions share. Idempotent.
"""

from __future__ import annotations

from reference_workers.errors import StartupError
from reference_workers.platform.client import ConductorClient, ConductorError
from reference_workers.settings import Settings
from reference_workers.startup import exit_on_startup_error
from trackproof.contracts.load import load_contracts


def register(client: ConductorClient) -> None:
    """Create or replace all definitions of the contracts.

    Raises:
        StartupError: The server did not answer, or refused.
    """
    contracts = load_contracts()
    try:
        client.register(contracts.task_definitions(), dict(contracts.workflow))
    except ConductorError as error:
        raise StartupError(
            f"cannot register the definitions: {error}. "
            "Hint: CONDUCTOR_SERVER_URL must be the URL of the API, which ends in /api"
        ) from error


def main() -> None:
    """Register with the configured server."""
    with (
        exit_on_startup_error("register"),
        ConductorClient.from_settings(Settings()) as client,
    ):
        register(client)


if __name__ == "__main__":
    main()
