"""How Python writes values: what no report shows."""

from __future__ import annotations

import re

PYTHON = re.compile(
    r"frozenset|\bset\(|dict_(keys|values|items)|mappingproxy|OrderedDict|Counter\(|deque\("
    r"|Request\(|StoredObject\(|Fault\(|Participant\(|Fraction\(|Path\(|UUID\(|Decimal\("
    r"|datetime\.|timedelta\(|ExceptionInfo|<[A-Za-z_.]+ |object at 0x|namespace\(|Pair\("
    r"|\bTrue\b|\bFalse\b|\bNone\b|Error\('|b'|\{'|\['"
)
"""What only a reader of Python understands."""
