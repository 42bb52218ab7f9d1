"""The fleet under test: its profile, its process, its seeds, and its rows and events."""

from trackproof.fleet.fleet import Fleet
from trackproof.fleet.load_profile import load_profile
from trackproof.fleet.profile import FleetProfile

REFERENCE = load_profile("reference")
"""Profile of the reference fleet."""

__all__ = ["REFERENCE", "Fleet", "FleetProfile", "load_profile"]
