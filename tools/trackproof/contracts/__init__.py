"""Loads the contracts and checks payloads against them; the data itself is in `contracts/`."""
