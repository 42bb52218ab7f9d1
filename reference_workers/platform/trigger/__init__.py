"""The trigger: turns a finished recording into one run of a pipeline (seed INTEG-001)."""
