"""Run the fleet with one module replaced: `python -P launch.py MODULE FILE`.

FILE is loaded in place of `reference_workers.MODULE`. The product has no hook for it.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType


class ReplacedModule(MetaPathFinder):
    """Finds one module in another file."""

    def __init__(self, name: str, file: Path) -> None:
        self._name = name
        self._file = file

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where the module is; None for every other module."""
        del path, target
        return spec_from_file_location(fullname, self._file) if fullname == self._name else None


def main() -> None:
    """Replace the module, then run the fleet in this process."""
    module, file = sys.argv[1:]
    if f"reference_workers.{module}" in sys.modules:
        raise RuntimeError(f"{module} is loaded already")
    sys.meta_path.insert(0, ReplacedModule(f"reference_workers.{module}", Path(file)))
    sys.argv = ["reference_workers"]
    runpy.run_module("reference_workers", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
