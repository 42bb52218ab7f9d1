"""Faults derived from the fleet's source by the operators of mutmut."""

from __future__ import annotations

import difflib
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper
from mutmut.mutation.file_mutation import Mutation, MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

import reference_workers

FLEET = Path(reference_workers.__file__).parent

Operator = Callable[[cst.CSTNode], Iterable[cst.CSTNode]]


@dataclass(frozen=True, slots=True)
class Fault:
    """One changed expression or statement of the fleet."""

    id: str
    """Such as `audio.mixer.mix:number:1f3a9c`: place, operator, digest of the change. It does not
    depend on line numbers; equal changes of a function are counted: `….2`."""
    module: str
    """Module below `reference_workers`, such as `audio.mixer`."""
    make: Callable[[], str] = field(repr=False, compare=False)
    """Returns the module's faulty source."""
    original: str = field(repr=False, compare=False)

    @property
    def function(self) -> str:
        """The changed function within its module, empty outside functions."""
        return self.id.partition(":")[0].removeprefix(self.module).removeprefix(".")

    @property
    def change(self) -> str:
        """The lines that differ, as `- old` and `+ new`."""
        lines = difflib.unified_diff(
            self.original.splitlines(), self.make().splitlines(), n=0, lineterm=""
        )
        changed = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
        return "\n".join(f"{line[0]} {line[1:].strip()}" for line in changed)


class _Visitor(MutationVisitor):
    """Mutates decorated functions too: each fault is a module of its own, without trampolines."""

    def __init__(self) -> None:
        self.operator_of: dict[int, str] = {}
        """Operator by the identity of the node that it made."""
        operators = [(kind, partial(self._named, run)) for kind, run in mutation_operators]
        super().__init__(operators, IgnoredCode(set(), set(), set()))

    def _named(self, operator: Operator, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        for made in operator(node):
            self.operator_of[id(made)] = operator.__name__.removeprefix("operator_")
            yield made

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef) and node.decorators:
            return False
        return super()._skip_node_and_children(node)


def faults_of(module: str) -> list[Fault]:
    """Return every fault of a module below `reference_workers`, in the order of the source."""
    code = (FLEET / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    return faults_in(module, code)


def faults_in(module: str, code: str) -> list[Fault]:
    """Return every fault of a module's source, in its order."""
    tree = MetadataWrapper(cst.parse_module(code), unsafe_skip_copy=True)
    visitor = _Visitor()
    tree.visit(visitor)
    names = _qualified_names(tree.module)
    seen: Counter[str] = Counter()
    found = []
    for one in visitor.mutations:
        place = ".".join(filter(None, (module, names.get(id(one.contained_by_top_level_function)))))
        operator = visitor.operator_of[id(one.mutated_node)]
        name = f"{place}:{operator}:{_digest(tree.module, one)}"
        seen[name] += 1
        fault_id = name if seen[name] == 1 else f"{name}.{seen[name]}"
        found.append(Fault(fault_id, module, partial(_faulty, tree.module, one), code))
    return found


def _faulty(module: cst.Module, mutation: Mutation) -> str:
    changed = module.deep_replace(mutation.original_node, mutation.mutated_node)
    assert isinstance(changed, cst.Module)
    return changed.code


def _digest(module: cst.Module, mutation: Mutation) -> str:
    nodes = (mutation.original_node, mutation.mutated_node)
    change = "\n".join(module.code_for_node(node) for node in nodes)
    return hashlib.sha256(change.encode()).hexdigest()[:6]


def _qualified_names(module: cst.Module) -> dict[int, str]:
    """Return the name of each function, `Class.method` for a method, by its node's identity."""
    names: dict[int, str] = {}
    for statement in module.body:
        if isinstance(statement, cst.FunctionDef):
            names[id(statement)] = statement.name.value
        if isinstance(statement, cst.ClassDef) and isinstance(statement.body, cst.IndentedBlock):
            for member in statement.body.body:
                own = f".{member.name.value}" if isinstance(member, cst.FunctionDef) else ""
                names[id(member)] = statement.name.value + own
    return names
