"""Runs of single tasks and of whole meetings, and the evidence they leave."""
