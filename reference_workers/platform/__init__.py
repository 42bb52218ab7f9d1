"""What a deployment adds to the workers: state, events, API, reconciler and commands."""
