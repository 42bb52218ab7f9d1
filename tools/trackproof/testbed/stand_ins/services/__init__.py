"""One module for each outside service."""
