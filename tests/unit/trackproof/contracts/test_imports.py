from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
before = set(sys.modules)
from trackproof.contracts.validate import keeps_contract
loaded = {name: module for name, module in sys.modules.items() if name not in before}
roots = {name.partition(".")[0] for name, m in loaded.items() if getattr(m, "__file__", None)}
print(*sorted(roots - sys.stdlib_module_names))
"""


def test_keeps_contract_loads_only_three_third_party_packages() -> None:
    command = [sys.executable, "-c", SCRIPT]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()

    assert {"trackproof", "yaml"} <= set(loaded)
    assert set(loaded) <= {"trackproof", "yaml", "_yaml", "jsonschema_rs", "rfc8785"}
