"""Everything a fleet runs against: Conductor, S3, stand-ins of outside services, databases."""
