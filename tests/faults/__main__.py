"""`python -m tests.faults`.

`main` is in another module, because spawned jobs import their target by module name.
"""

from __future__ import annotations

import sys

from tests.faults.runner import main

sys.exit(main())
