"""Logging and tracing that a whole process has to show."""

from __future__ import annotations

import json
import subprocess
import sys

URL = "http://s3.test/recordings/a.webm?X-Amz-Credential=who&X-Amz-Signature=5ecret"

LIBRARY = f"""
import logging, structlog
from reference_workers.platform import log
log.configure(debug=False, as_json=True, secrets=["canary-key"])
with structlog.contextvars.bound_contextvars(task="pad_track_7"):
    try:
        raise ValueError("{URL}")
    except ValueError:
        logging.getLogger("conductor.client").exception("canary-key of %s", "{URL}")
"""


def test_library_logs_are_structured_and_redacted() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIBRARY], capture_output=True, text=True, check=True
    )

    (line,) = map(json.loads, done.stdout.splitlines())
    assert line["event"] == "… of http://s3.test/recordings/a.webm?…"
    assert (line["logger"], line["level"]) == ("conductor.client", "error")
    assert line["task"] == "pad_track_7"
    assert "ValueError" in line["exception"]
    assert "5ecret" not in done.stdout + done.stderr


IMPORTS = """
import sys, reference_workers.__main__, reference_workers.platform.traces as traces
traces.open_traces({}).close()
# The Redis client imports the SDK if it is installed, but no exporter.
sys.exit(any(name.startswith("opentelemetry.exporter") or name == "reference_workers.platform.spans"
             for name in sys.modules))
"""


def test_without_tracing_opentelemetry_is_not_imported() -> None:
    assert subprocess.run([sys.executable, "-c", IMPORTS], check=False).returncode == 0
