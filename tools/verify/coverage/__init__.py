"""What of the pipeline a verification has really exercised: as process tests report it."""

from __future__ import annotations

from tools.verify.coverage.floor import shortfalls
from tools.verify.coverage.measuring import measured
from tools.verify.coverage.model import ENDS, Coverage, Covered, Endpoint
from tools.verify.coverage.watching import Watch

__all__ = ["ENDS", "Coverage", "Covered", "Endpoint", "Watch", "measured", "shortfalls"]
