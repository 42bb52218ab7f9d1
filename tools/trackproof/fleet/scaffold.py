"""A new profile with a comment on every key."""

from __future__ import annotations

from pathlib import Path

from trackproof.errors import UsageError
from trackproof.fleet.seed_columns import column_lines
from trackproof.fleet.variables import TRIGGER_VARIABLES, VARIABLES

TEMPLATE = Path(__file__).with_name("template.toml")
VARIABLES_MARK = "#VARIABLES\n"
TRIGGER_MARK = "#TRIGGER_VARIABLES\n"
COLUMNS_MARK = "#SEED_COLUMNS\n"


def new_profile() -> str:
    """Return the text of a commented profile that loads unchanged."""
    width = max(map(len, VARIABLES)) + 2
    variables = "".join(
        f"#   {'{' + name + '}':<{width}}  {meaning}\n" for name, meaning in VARIABLES.items()
    )
    of_trigger = "".join(
        f"#   {{{name}}}: {meaning}\n" for name, meaning in TRIGGER_VARIABLES.items()
    )
    columns = "".join(f"#   {line}\n" for line in column_lines())
    template = TEMPLATE.read_text(encoding="utf-8")
    for mark, text in (
        (VARIABLES_MARK, variables),
        (TRIGGER_MARK, of_trigger),
        (COLUMNS_MARK, columns),
    ):
        template = template.replace(f"\n{mark}", f"\n{text}")
    return template


def write_new_profile(path: Path) -> None:
    """Write a new profile.

    Raises:
        UsageError: The file exists already or cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(new_profile())
    except FileExistsError as error:
        raise UsageError(f"{path} exists already", hint="choose another path") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written", evidence=str(error)) from error
