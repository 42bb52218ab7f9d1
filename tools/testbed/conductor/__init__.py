"""A real Conductor behind one interface: as a container, as a process, or given by its URL."""

from tools.testbed.conductor.process import start_process
from tools.testbed.conductor.registration import RegistrationReport, register
from tools.testbed.conductor.rest import ConductorRefusalError, ConductorRest
from tools.testbed.conductor.server import ConductorServer
from tools.testbed.conductor.start import start_conductor
from tools.testbed.conductor.versions import DEFAULT_VERSION, VERSIONS

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
