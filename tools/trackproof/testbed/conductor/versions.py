"""Table of the Conductor servers that the testbed can start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trackproof.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class ConductorVersion:
    """One published server: its Maven coordinates and start properties."""

    name: str
    group: str
    artifact: str
    sha256: str
    """Checksum of the boot jar."""
    size: int
    """Size of the boot jar in bytes."""
    minimum_java: int
    properties: Mapping[str, str]
    """Properties that keep all state in memory or in the working folder."""
    images: tuple[str, ...]
    """Published images of this version, best first."""
    is_durable: bool = False
    """Whether these properties keep the runs on disk, so that they survive a killed server."""
    enforces_schemas: bool = False
    """Whether the server itself refuses inputs that violate a definition's inputSchema."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The properties as command-line arguments."""
        return tuple(f"--{name}={value}" for name, value in self.properties.items())

    @property
    def local_image(self) -> str:
        """Tag of the image that `build_image` builds from the jar."""
        return f"trackproof/conductor:{self.name}"


DEFAULT_VERSION = "3.15.0"

# By default, 3.15.0 and 3.21.14 register a sample workflow.
NO_SAMPLE = {"loadSample": "false"}
IN_MEMORY = {**NO_SAMPLE, "conductor.db.type": "memory", "conductor.queue.type": "memory"}

VERSIONS = {
    version.name: version
    for version in (
        ConductorVersion(
            name="3.15.0",
            group="com.netflix.conductor",
            artifact="conductor-server",
            sha256="0d6e4d00604cd05f3577689294ebd13435f097850831f1b31f7434cd29d68e63",
            size=108_667_392,
            minimum_java=17,
            properties=IN_MEMORY,
            images=("conductoross/conductor-standalone:3.15.0",),
        ),
        ConductorVersion(
            name="3.21.14",
            group="org.conductoross",
            artifact="conductor-server",
            sha256="f0cfdf1cfd2eae1a925109a9d64ec328019af1dd57a0a209c41da0f320a7f31b",
            size=402_762_920,
            minimum_java=17,
            properties=IN_MEMORY,
            images=("conductoross/conductor:3.21.14",),
        ),
        ConductorVersion(
            name="3.32.3",
            group="org.conductoross",
            artifact="conductor-server",
            sha256="6b1615a5beb82bbbfa05219d0f1b84440aa8c0bef1371662803ef5588d7d507b",
            size=457_760_812,
            minimum_java=21,
            properties=NO_SAMPLE,  # SQLite in the working folder
            is_durable=True,
            images=("conductoross/conductor:3.32.3",),
        ),
    )
}


def conductor_version(name: str) -> ConductorVersion:
    """Return the version of that name.

    Raises:
        UsageError: The table has no such version.
    """
    try:
        return VERSIONS[name]
    except KeyError:
        raise UsageError(
            f"unknown Conductor version {name}",
            hint=f"choose one of {', '.join(VERSIONS)}, or give the URL of a running server",
        ) from None
