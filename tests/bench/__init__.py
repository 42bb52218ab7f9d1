"""Benchmarks: each module has a `main()` that prints a table for people and a line of JSON."""
