"""The smallest honest fleet that keeps every contract.

Start reading at `runner.py` (Conductor meets the workers) or at any file in `workers/`.
"""
