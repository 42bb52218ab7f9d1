"""Schedules of deliveries, losses and deaths: effects stay exactly-once."""
