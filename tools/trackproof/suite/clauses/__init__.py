"""The clause tests: one file for each task, and the support modules that they share."""
