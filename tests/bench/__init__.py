"""Benchmarks: `nox -s bench`, or `python -m tests.bench [names]`.

One module for each benchmark, with `measure() -> Iterable[Figure]`; the first line of its docstring
is its title. Nothing is asserted: each figure is compared with its limit as a ratio.
"""

from tests.bench.figures import Figure

__all__ = ["Figure"]
