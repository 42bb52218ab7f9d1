"""The laboratory: starts a testbed, drives any fleet through it and says what held."""
