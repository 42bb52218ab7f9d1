"""`python -m tests.mutants`.

`main` is in another module, because spawned jobs import their target by module name.
"""

from __future__ import annotations

import sys

from tests.mutants.runner import main

sys.exit(main())
