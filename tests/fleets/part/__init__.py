"""A fleet of one task in plain urllib, in a task domain of its own."""
