"""Runs of single tasks and of whole meetings, and their evidence."""
