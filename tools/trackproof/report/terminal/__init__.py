"""Reports on a terminal: one writer for each command."""
