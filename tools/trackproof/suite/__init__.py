"""The clause suite: a pytest plugin, the harness it hands to tests, and one test file a task."""
