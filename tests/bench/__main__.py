"""Run benchmarks, print a table for each and write all figures as JSON."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from rich.console import Console
from rich.table import Table

import tests.bench
from tests.bench import Figure

REPORT = Path(".trackproof/bench.json")
NO_BENCHMARKS = {"__main__", "audio_jobs", "cpu_time", "figures", "state_writes"}


def main(arguments: list[str] | None = None) -> int:
    """Run the named benchmarks, or all; return the exit code."""
    known = benchmark_names()
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(known)}; default: all")
    parser.add_argument("--json", type=Path, default=REPORT, help=f"JSON report ({REPORT})")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(known)):
        parser.error(f"unknown benchmarks: {', '.join(unknown)}; known: {', '.join(known)}")
    report: dict[str, object] = {"python": sys.version.split()[0], "machine": platform.platform()}
    benchmarks: dict[str, list[dict[str, object]]] = {}
    for name in options.names or known:
        module = import_module(f"tests.bench.{name}")
        figures = list(module.measure())
        title = (module.__doc__ or name).partition("\n")[0]
        Console().print(as_table(f"{name}: {title}", figures))
        benchmarks[name] = [as_json(figure) for figure in figures]
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({**report, "benchmarks": benchmarks}, indent=2) + "\n")
    return 0


def benchmark_names() -> list[str]:
    """Return the names of all benchmarks."""
    modules = iter_modules(tests.bench.__path__)
    return sorted(module.name for module in modules if module.name not in NO_BENCHMARKS)


def as_table(title: str, figures: Iterable[Figure]) -> Table:
    """Return the figures as a table."""
    table = Table("what", "measured", "promised", "ratio", title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for figure in figures:
        promised = "" if figure.promised is None else f"{figure.promised:g} {figure.unit}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.3f}"
        table.add_row(figure.what, f"{figure.measured:.3g} {figure.unit}", promised, ratio)
    return table


def as_json(figure: Figure) -> dict[str, object]:
    """Return a figure for the JSON report."""
    return {
        "what": figure.what,
        "measured": figure.measured,
        "unit": figure.unit,
        "promised": figure.promised,
        "ratio": figure.ratio,
    }


if __name__ == "__main__":
    sys.exit(main())
