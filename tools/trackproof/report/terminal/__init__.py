"""Terminal output: one module for each command."""
