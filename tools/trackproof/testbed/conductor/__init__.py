"""Conductor servers behind one interface: a container, a process, or a given URL."""

from trackproof.testbed.conductor.process.backend import start_process
from trackproof.testbed.conductor.registration import RegistrationReport, register
from trackproof.testbed.conductor.rest import ConductorRefusalError, ConductorRest
from trackproof.testbed.conductor.server import ConductorServer
from trackproof.testbed.conductor.start import start_conductor
from trackproof.testbed.conductor.versions import DEFAULT_VERSION, VERSIONS

__all__ = [
    "DEFAULT_VERSION",
    "VERSIONS",
    "ConductorRefusalError",
    "ConductorRest",
    "ConductorServer",
    "RegistrationReport",
    "register",
    "start_conductor",
    "start_process",
]
