"""What an installed trackproof adds to every pytest run: `pytest --fleet FILE`.

Without `--fleet` it does nothing and imports nothing.
"""

from __future__ import annotations

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; all begin with `--fleet`, for other plugins have options of their own."""
    group = parser.getgroup("trackproof", "judge a fleet of Conductor workers by its contracts")
    group.addoption("--fleet", help="the fleet's profile: a TOML file, or `reference`")
    group.addoption("--fleet-only", default="", help="task types or clause ids, by comma")
    group.addoption(
        "--fleet-conductor",
        default=os.environ.get("CONDUCTOR_SERVER_URL") or "auto",
        help="auto, container, process or a URL; default: CONDUCTOR_SERVER_URL, else auto",
    )
    group.addoption("--fleet-conductor-version", default="3.15.0", help="the version to start")
    group.addoption("--fleet-database", help="where the fleet keeps its state: sqlite or postgres")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the clause suite if a fleet is named; collect it unless tests are named."""
    profile_file = config.getoption("fleet")
    if profile_file is None:
        return
    from trackproof.errors import TrackproofError  # noqa: PLC0415 - only where a fleet is named
    from trackproof.fleet import load_profile  # noqa: PLC0415
    from trackproof.proxies import bypass_for_loopback  # noqa: PLC0415
    from trackproof.suite.options import VerifyOptions, comma_separated  # noqa: PLC0415
    from trackproof.suite.plugin import CLAUSES, ClauseSuite  # noqa: PLC0415
    from trackproof.suite.session import open_session  # noqa: PLC0415

    bypass_for_loopback()
    given = VerifyOptions(
        fleet=profile_file,
        only=comma_separated(config.getoption("fleet_only")),
        conductor=config.getoption("fleet_conductor"),
        version=config.getoption("fleet_conductor_version"),
        database=config.getoption("fleet_database"),
    )
    try:
        profile = load_profile(profile_file)
        options = given.for_fleet(profile)
    except TrackproofError as error:
        raise pytest.UsageError(str(error)) from error
    suite = ClauseSuite(
        options, lambda tasks, report: open_session(profile, options, tasks, report)
    )
    config.pluginmanager.register(suite, "trackproof-clauses")
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args[:] = [str(CLAUSES)]
