"""Generated mutants: faults that mutmut's operators derive from the reference fleet's code.

`python -m tests.mutants --generated N` judges N of them by the clause suite. `scope.yaml` says
which clauses reach which module, `triage.yaml` what is known about survivors.
"""
