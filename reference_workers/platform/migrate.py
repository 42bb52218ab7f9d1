"""Migrate the database: `python -m reference_workers.platform.migrate upgrade`.

    upgrade [REVISION]    upgrade to a revision; default: the newest
    downgrade REVISION    downgrade to a revision; `base` is the empty database
    current               print the current revision

The database is DATABASE_URL. The fleet upgrades it by itself when it starts.
"""

from __future__ import annotations

import argparse
from contextlib import closing

from sqlalchemy.exc import SQLAlchemyError

from reference_workers.errors import StartupError
from reference_workers.platform.state import schema_revision
from reference_workers.platform.state.repository import State
from reference_workers.settings import Settings
from reference_workers.startup import exit_on_startup_error


def main(argv: list[str] | None = None) -> None:
    """Run the command and print the revision; exit with code 2 on error."""
    arguments = _parser().parse_args(argv)
    with exit_on_startup_error("migrate"), closing(State(Settings().database_url)) as state:
        try:
            match arguments.verb:
                case "upgrade":
                    schema_revision.upgrade(state.engine, arguments.revision)
                case "downgrade":
                    schema_revision.downgrade(state.engine, arguments.revision)
            print(schema_revision.current(state.engine) or schema_revision.BASE)  # noqa: T201
        except SQLAlchemyError as error:
            message = " ".join(str(error).split())
            raise StartupError(f"migration failed: {message}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reference_workers.platform.migrate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("upgrade").add_argument("revision", nargs="?", default=schema_revision.HEAD)
    verbs.add_parser("downgrade").add_argument("revision")
    verbs.add_parser("current")
    return parser


if __name__ == "__main__":
    main()
