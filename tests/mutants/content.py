"""Mutants of content: each replaces one text in the source of a function (content.yaml)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import yaml

from tests.mutants.model import Mutant
from tests.mutants.patches import rewrite

_FAULTS = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))


def _mutant(fault: dict[str, str]) -> Mutant:
    path = fault["function"].split(".")
    parts = 2 if path[-2].lstrip("_")[0].isupper() else 1  # Class.method, or a function
    module, name = ".".join(path[:-parts]), ".".join(path[-parts:])
    patch = partial(rewrite, module, name, fault["old"], fault["new"])
    task = fault["id"].partition(".")[0]
    return Mutant(fault["id"], task, fault["text"], (fault["killed_by"],), patch)


CONTENT_MUTANTS = tuple(map(_mutant, _FAULTS))
