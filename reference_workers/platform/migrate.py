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

from reference_workers.errors import CannotBeginError
from reference_workers.platform.state import schema_revision
from reference_workers.platform.state.repository import State
from reference_workers.settings import Settings
from reference_workers.startup import plainly


def main(arguments: list[str] | None = None) -> None:
    """Do what the command line says; end with 2 where it cannot be done."""
    asked = _parser().parse_args(arguments)
    with plainly("migrate"), closing(State(Settings().database_url)) as state:
        try:
            match asked.verb:
                case "upgrade":
                    schema_revision.upgrade(state.engine, asked.revision)
                case "downgrade":
                    schema_revision.downgrade(state.engine, asked.revision)
            print(schema_revision.current(state.engine) or schema_revision.BASE)  # noqa: T201
        except SQLAlchemyError as error:
            words = " ".join(str(error).split())
            raise CannotBeginError(f"the database did not do it: {words}") from error


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
