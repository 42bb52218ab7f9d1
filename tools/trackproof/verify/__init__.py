"""Drive a fleet through a meeting and judge what comes out, clause by clause."""
