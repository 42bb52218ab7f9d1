"""Run the reference fleet as a mutant: `python -m tests.mutants.launch ID MODULE [ARGUMENTS]`.

MODULE is the part of the fleet to run, such as `reference_workers`. The patch applies to this
process only; the product has no hook for it.
"""

from __future__ import annotations

import runpy
import sys

from tests.mutants import mutant_by_id


def main() -> None:
    """Patch the fleet, then run the module in this process."""
    mutant_id, module, *arguments = sys.argv[1:]
    mutant_by_id(mutant_id).patch()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
