"""The tests of all clauses: one file a task."""
