"""`python -m tests.faults`.

`main` is in another module, because spawned jobs import their target by module name.
"""

from __future__ import annotations

import signal
import sys

from tests.faults.runner import main

signal.signal(signal.SIGTERM, signal.default_int_handler)  # the jobs end with this process
sys.exit(main())
