"""A fleet of workers under test: described by its profile, run as a process of its own."""

from tools.testbed.fleet.profile import FleetProfile
from tools.testbed.fleet.reading import load_profile
from tools.testbed.fleet.running import Fleet

REFERENCE = load_profile("reference")
"""The profile that comes with the laboratory."""

__all__ = ["REFERENCE", "Fleet", "FleetProfile", "load_profile"]
