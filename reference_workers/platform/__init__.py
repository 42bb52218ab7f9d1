"""What a deployment adds to the fleet: state, events, API, reconciler, commands."""
