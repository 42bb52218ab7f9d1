"""Everything a fleet is tested against: Conductor, S3, outside services, database."""
