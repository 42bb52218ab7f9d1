"""Bring the database to a revision: `python -m reference_workers.migrate upgrade`.

    upgrade [REVISION]    up to a revision; the newest one by default
    downgrade REVISION    back to a revision; `base` is the empty database
    current               say which revision the database is at

The fleet itself brings the database up when it starts. DATABASE_URL names the database.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import closing

from sqlalchemy.exc import SQLAlchemyError

from reference_workers.settings import Settings
from reference_workers.state import migrating
from reference_workers.state.repository import State


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; return the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        with closing(State(Settings().database_url)) as state:
            match asked.verb:
                case "upgrade":
                    migrating.upgrade(state.engine, asked.revision)
                case "downgrade":
                    migrating.downgrade(state.engine, asked.revision)
            print(migrating.current(state.engine) or migrating.BASE)  # noqa: T201
    except (migrating.MigrationError, SQLAlchemyError) as error:
        print(f"migrate: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reference_workers.migrate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("upgrade").add_argument("revision", nargs="?", default=migrating.HEAD)
    verbs.add_parser("downgrade").add_argument("revision")
    verbs.add_parser("current")
    return parser


if __name__ == "__main__":
    sys.exit(main())
