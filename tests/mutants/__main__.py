"""`python -m tests.mutants`.

Jobs are processes of their own that look for their work by its module's name: it cannot be here.
"""

from __future__ import annotations

import sys

from tests.mutants.runner import main

sys.exit(main())
