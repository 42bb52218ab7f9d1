"""HTTP and WebSocket API: `python -m reference_workers.platform.api`."""
