"""What people and programs ask about meetings: `python -m reference_workers.platform.api`."""
