"""Proves that a fleet of Conductor workers turns a multitrack meeting into a correct transcript."""
