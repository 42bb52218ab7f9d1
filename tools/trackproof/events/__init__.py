"""Events of a run: plain data, the only input of every report."""
