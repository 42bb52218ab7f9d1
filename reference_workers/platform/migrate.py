"""Bring the database to a revision: `python -m reference_workers.platform.migrate upgrade`.

    upgrade [REVISION]    up to a revision; the newest one by default
    downgrade REVISION    back to a revision; `base` is the empty database
    current               say which revision the database is at

The fleet itself brings the database up when it starts. DATABASE_URL names the database.
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


def main(arguments: list[str] | None = None) -> None:
    """Do what the command line says; end with 2 where it cannot be done."""
    arguments_ = _parser().parse_args(arguments)
    with exit_on_startup_error("migrate"), closing(State(Settings().database_url)) as state:
        try:
            match arguments_.verb:
                case "upgrade":
                    schema_revision.upgrade(state.engine, arguments_.revision)
                case "downgrade":
                    schema_revision.downgrade(state.engine, arguments_.revision)
            print(schema_revision.current(state.engine) or schema_revision.BASE)  # noqa: T201
        except SQLAlchemyError as error:
            words = " ".join(str(error).split())
            raise StartupError(f"the database did not do it: {words}") from error


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
