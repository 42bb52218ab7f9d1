"""A small file system that can be filled to its last byte: a disk that runs full.

Mounted in a mount namespace of this process and its children, so that nothing of it outlives them.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from trackproof.errors import TestbedError

SIZE_BYTES: Final = 64_000_000
BALLAST: Final = "ballast"
BLOCK: Final = bytes(1 << 20)
CLONE_NEWNS: Final = 0x00020000


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A mounted file system."""

    folder: Path

    @classmethod
    def mount(cls, folder: Path, *, size: int = SIZE_BYTES) -> Self:
        """Mount an empty file system of `size` bytes over a folder, in memory.

        Raises:
            TestbedError: This process may not mount, or has not called `isolate_mounts`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "tmpfs", str(folder))
        return cls(folder)

    def fill(self) -> None:
        """Fill it, so that no further byte can be written."""
        with (self.folder / BALLAST).open("ab", buffering=0) as ballast, suppress(OSError):
            block = BLOCK
            while True:
                if ballast.write(block) < len(block):
                    block = bytes(1)  # to the last byte

    def free(self) -> None:
        """Remove what `fill` wrote."""
        (self.folder / BALLAST).unlink(missing_ok=True)


def isolate_mounts() -> None:
    """Give this thread, and all that it starts, mounts of its own; call it before all others.

    Raises:
        TestbedError: Only Linux with the right to mount can.
    """
    if sys.platform != "linux":
        raise TestbedError("only Linux has mounts for single processes")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS):  # os.unshare is new in Python 3.12
        cause = os.strerror(ctypes.get_errno())
        raise TestbedError(f"no mounts of its own: {cause}", hint="run it as root")
    _run("mount", "--make-rprivate", "/")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise TestbedError(
            f"{command[0]} ended with {done.returncode}",
            evidence=done.stderr,
            hint="run it as root",
        )
