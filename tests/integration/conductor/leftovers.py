"""Find processes that a server left behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trackproof.wait import wait_until

ROOT = Path(__file__).parents[3]

# Written under another name first: an existing file may still be empty.
WRITE_URL_AND_SLEEP = """
import time
(folder / "url.part").write_text(server.api_url)
(folder / "url.part").rename(folder / "url")
time.sleep(300)
"""


def processes_with(text: str) -> list[str]:
    """Return the command lines of running processes that contain `text`."""
    commands = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # exited meanwhile
            command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if text in command:
                commands.append(command)
    return commands


@contextmanager
def parent_script(code: str, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run a script that starts a `server` and sleeps; yield its process and the API URL.

    The script gets `folder` as its argument.
    """
    script = folder / "parent.py"
    script.write_text(code + WRITE_URL_AND_SLEEP)
    url = folder / "url"
    with (folder / "parent.log").open("wb") as log:
        parent = subprocess.Popen(
            [sys.executable, str(script), str(folder)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(
            lambda: parent.poll() is not None or url.exists(),
            what="the parent script to start its server",
            timeout=120,
        )
        assert parent.poll() is None, (folder / "parent.log").read_text()
        yield parent, url.read_text()
    finally:
        parent.kill()
        parent.wait()
