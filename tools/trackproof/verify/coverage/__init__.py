"""What of the pipeline a verification has really exercised: as process tests report it."""
