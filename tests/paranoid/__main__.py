"""`python -m tests.paranoid`."""

from __future__ import annotations

import signal
import sys

from tests.paranoid.runner import main

signal.signal(signal.SIGTERM, signal.default_int_handler)  # the servers end with this process
sys.exit(main())
