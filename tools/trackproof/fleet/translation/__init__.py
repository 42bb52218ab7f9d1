"""Translation between a fleet's own terms and the contracts'."""
