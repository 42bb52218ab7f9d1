"""Run the reference fleet with one mutant's bug in it: `python -m tests.mutants.launch ID MODULE`.

MODULE is the part of the fleet to run, such as `reference_workers`, with its own arguments after
it. The bug lives in this process only; the product has no hook for it.
"""

from __future__ import annotations

import runpy
import sys

from tests.mutants import mutant_by_id


def main() -> None:
    """Patch, then become the module."""
    mutant_id, module, *arguments = sys.argv[1:]
    mutant_by_id(mutant_id).patch()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
