"""The command lines: verbs of `trackproof`, and the product's modules."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

from typer.main import get_command

from tests.docs.markdown import GENERATED, table
from trackproof.cli import app

PRODUCT = (
    *("reference_workers.__main__", "reference_workers.platform.api.__main__"),
    *("reference_workers.platform.trigger.__main__", "reference_workers.platform.register"),
    *("reference_workers.platform.migrate", "reference_workers.platform.seed"),
)


def render() -> str:
    """Return the page."""
    return "\n".join(
        [
            "# Command lines\n",
            GENERATED,
            "## trackproof\n",
            *_command("trackproof", get_command(app)),
            "## The product\n",
            "Configured by environment variables: [reference-fleet.md](reference-fleet.md).\n",
            *(_module(name) for name in PRODUCT),
        ]
    )


def _command(path: str, command: Any) -> Iterator[str]:
    """Yield a verb, then the verbs below it; typer's objects carry no types."""
    if path != "trackproof":
        yield f"### {path}\n"
    if command.help:
        yield f"{cleandoc(command.help)}\n"
    rows = [_parameter(one) for one in command.params if not getattr(one, "hidden", False)]
    if rows and path != "trackproof":
        yield table(("parameter", "description"), rows)
    for name, verb in getattr(command, "commands", {}).items():
        yield from _command(f"{path} {name}", verb)


def _parameter(parameter: Any) -> tuple[str, str]:
    if parameter.param_type_name == "argument":
        name = f"`{parameter.metavar or str(parameter.name).upper()}`"
    else:
        name = ", ".join(f"`{option}`" for option in (*parameter.opts, *parameter.secondary_opts))
    notes = [parameter.help or ""]
    if parameter.required:
        notes.append("Required.")
    if parameter.envvar:
        names = [parameter.envvar] if isinstance(parameter.envvar, str) else parameter.envvar
        notes.append(f"Variable: {' or '.join(f'`{variable}`' for variable in names)}.")
    return name, " ".join(notes)


def _module(name: str) -> str:
    text = importlib.import_module(name).__doc__ or ""
    called = name.removesuffix(".__main__")
    return f"### python -m {called}\n\n{cleandoc(text)}\n"
