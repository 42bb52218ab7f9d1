"""The tester's web page: `trackproof serve`."""
