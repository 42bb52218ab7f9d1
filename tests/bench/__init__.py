"""What is promised to be quick, measured: `nox -s bench`, or `python -m tests.bench [names]`.

One module a benchmark. Each offers `measure() -> Iterable[Figure]`; its first docstring line says
what it is about. Nothing is asserted: a figure is set against what is promised, as a ratio.
"""

from tests.bench.figures import Figure

__all__ = ["Figure"]
