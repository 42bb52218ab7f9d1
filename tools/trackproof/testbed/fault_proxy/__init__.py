"""Faults of TCP connections: a proxy that can stand in front of any server of the testbed."""

from trackproof.testbed.fault_proxy.connection_fault import KINDS, ConnectionFault, Kind
from trackproof.testbed.fault_proxy.proxy import FaultProxy

__all__ = ["KINDS", "ConnectionFault", "FaultProxy", "Kind"]
