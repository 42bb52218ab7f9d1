"""Revisions, each with upgrade and downgrade."""
