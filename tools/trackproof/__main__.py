"""The command `trackproof`, also as `python -m trackproof`."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; without the extra `lab`, say how to install it."""
    _restart_in_utf8_mode()
    # The imports take a second, and nothing needs to be cleaned up yet.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
    try:
        from trackproof.cli import main as run  # noqa: PLC0415 - needs the extra
    except KeyboardInterrupt:
        sys.stderr.write("trackproof: interrupted\n")
        os._exit(128 + signal.SIGINT)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("trackproof"):
            raise
        sys.stderr.write(
            f"trackproof: the command line needs the extra `lab` ({error.name} is missing)\n"
            "Hint: pip install 'trackproof[lab]'\n"
        )
        sys.exit(2)
    run()


def _restart_in_utf8_mode() -> None:
    """Start this process again in Python's UTF-8 mode if its locale has another encoding.

    Otherwise a folder with an umlaut in TMPDIR or HOME has a path that is no valid text: no URL
    or JSON can contain it, here or in a fleet in Python, which inherits the mode. The output keeps
    the terminal's encoding.
    """
    if sys.getfilesystemencoding() == "utf-8" or os.environ.get("PYTHONUTF8") == "1":
        return
    encoding = os.environ.get("PYTHONIOENCODING") or sys.stdout.encoding
    os.environ |= {"PYTHONUTF8": "1", "PYTHONIOENCODING": encoding}
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606


if __name__ == "__main__":
    main()
