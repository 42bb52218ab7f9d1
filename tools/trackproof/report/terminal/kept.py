"""What a kept testbed has: the workflows of its runs, and its addresses."""

from __future__ import annotations

import shlex

from rich.text import Text

from trackproof.events.verification import EnvironmentKept
from trackproof.report.terminal.printable import one_line


def kept_text(kept: EnvironmentKept) -> Text:
    """Return the workflow ids with the command that explains one, then the addresses."""
    lines = []
    if kept.runs:
        lines.append("Workflows:")
        for run in kept.runs:
            ids = " ".join(run.workflow_ids)
            lines.append(f"  {one_line(run.name):<42} {run.status:<12} {one_line(ids)}")
        lines.append(f"Explain one: {_explain_command(kept)}")
    lines.append("The testbed runs until Ctrl-C:")
    lines += [f"  {name:<10} {one_line(value)}" for name, value in kept.addresses.items()]
    return Text("\n".join(lines))


def _explain_command(kept: EnvironmentKept) -> str:
    [first, *_] = kept.runs[0].workflow_ids
    database = kept.addresses.get("database", "")
    is_usable = database and "***" not in database  # else its password is hidden
    arguments = [
        *("trackproof", "explain", first, "--conductor", kept.addresses["conductor"]),
        *(("--database", database) if is_usable else ()),
    ]
    return one_line(shlex.join(arguments))
