"""Coverage: which tasks, edges, events and answers a verification really exercised."""
