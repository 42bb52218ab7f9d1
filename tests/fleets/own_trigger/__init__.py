"""A product with a trigger, a queue and tables of its own, which no other fleet has."""
