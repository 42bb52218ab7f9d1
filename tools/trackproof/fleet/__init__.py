"""A fleet of workers under test: described by its profile, run as a process of its own."""

from trackproof.fleet.fleet import Fleet
from trackproof.fleet.load_profile import load_profile
from trackproof.fleet.profile import FleetProfile

REFERENCE = load_profile("reference")
"""The profile that comes with the laboratory."""

__all__ = ["REFERENCE", "Fleet", "FleetProfile", "load_profile"]
