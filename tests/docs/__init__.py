"""Pages of docs/ that are generated: `python -m tests.docs`, or `nox -s docs`."""
