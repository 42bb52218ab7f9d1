"""The product around the fleet on trial: its trigger, its switch and its legacy pipeline."""
