"""How a command of the fleet ends that cannot begin: in plain words, and no traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from reference_workers.errors import StartupError, TransientError

EXIT_CODE = 2


@contextmanager
def exit_on_startup_error(command: str) -> Iterator[None]:
    """Tell what keeps the block from its work on standard error.

    Args:
        command: Who says it.

    Raises:
        SystemExit: With code 2: a setting is malformed, or the database is of no use.
    """
    try:
        yield
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()
        )
        cause = f"the environment cannot be read: {told}"
    except StartupError as error:
        cause = str(error)
    except TransientError as error:
        words = " ".join(str(error).split())
        cause = f"{words}. Hint: start what does not answer, or set DATABASE_URL to another"
    else:
        return
    print(f"{command}: {cause}", file=sys.stderr)  # noqa: T201
    raise SystemExit(EXIT_CODE)
