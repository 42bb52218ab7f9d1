"""The reference fleet: workers for every task type, and the service around them.

The core is `workers/` (one file a task), `audio/`, `services/`, `executor.py` (one task from
input to outcome) and `runner.py` (polling, the only user of Conductor's SDK). `platform/` holds
what a deployment adds: state, events, API, reconciler and commands. The core writes results
through `platform.state`; nothing in `platform` imports a worker.
"""
