"""The command `trackproof`, also as `python -m trackproof`."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; without the extra `lab`, say how to install it."""
    try:
        from trackproof.cli import main as run  # noqa: PLC0415 - needs the extra
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("trackproof"):
            raise
        sys.stderr.write(
            f"trackproof: the command line needs the extra `lab` ({error.name} is missing)\n"
            "Hint: pip install 'trackproof[lab]'\n"
        )
        sys.exit(2)
    run()


if __name__ == "__main__":
    main()
