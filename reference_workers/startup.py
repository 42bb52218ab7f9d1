"""Startup errors of the commands: one line on standard error instead of a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from reference_workers.errors import StartupError, TransientError

EXIT_CODE = 2


@contextmanager
def exit_on_startup_error(command: str) -> Iterator[None]:
    """Print a startup error of the block as `command: message` and exit with code 2.

    Raises:
        SystemExit: A setting is malformed, or the database or Conductor cannot be used.
    """
    try:
        yield
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()
        )
        cause = f"invalid environment: {problems}"
    except StartupError as error:
        cause = str(error)
    except TransientError as error:
        message = " ".join(str(error).split())
        cause = f"{message}. Hint: start the database, or change DATABASE_URL"
    else:
        return
    print(f"{command}: {cause}", file=sys.stderr)  # noqa: T201
    raise SystemExit(EXIT_CODE)
