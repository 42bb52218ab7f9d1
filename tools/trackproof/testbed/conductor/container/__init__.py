"""Backend "container": a Conductor image on a Docker engine."""

from trackproof.testbed.conductor.container.conductor_container import ConductorContainer

__all__ = ["ConductorContainer"]
