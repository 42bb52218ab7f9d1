"""Read the JSON report of a verification back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from trackproof.contracts.compat.release_document import working_version
from trackproof.contracts.load import ROOT, load_contracts
from trackproof.contracts.parts import Clause
from trackproof.errors import UsageError
from trackproof.events.coverage import Coverage, Covered, Endpoint
from trackproof.events.shards import Shard
from trackproof.events.verdict import ClauseResult, Exchange, by_task
from trackproof.events.verification import VerifyEnded


def report_files(places: list[Path]) -> Iterator[Path]:
    """Yield the files among `places`, and the JSON files in folders among them."""
    for place in places:
        if place.is_dir():
            yield from sorted(place.rglob("*.json"))
        else:
            yield place


def read_report(path: Path) -> VerifyEnded:
    """Return the verification whose JSON report a file is.

    Raises:
        UsageError: The file is no such report, or another version has written it.
    """
    try:
        content = json.loads(path.read_bytes())
        _check_versions(path, content["versions"])
        return _verification(content)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path} is not a JSON report of `trackproof verify`",
            evidence=f"{type(error).__name__}: {error}",
            hint="`trackproof verify --json FILE` writes one",
        ) from error


def _check_versions(path: Path, versions: Mapping[str, str]) -> None:
    present = {"trackproof": version("trackproof"), "contracts": working_version(ROOT)}
    if dict(versions) != present:
        raise UsageError(
            f"{path} was written by other versions than these",
            evidence=f"{path.name}: {dict(versions)}\nhere: {present}",
            hint="judge all shards and merge their reports with one version",
        )


def _verification(content: Mapping[str, Any]) -> VerifyEnded:
    known = {clause.id: clause for clause in load_contracts().clauses}
    results = [
        _clause(known[clause["id"]], clause)
        for task in content["tasks"]
        for clause in task["clauses"]
    ]
    coverage, shard = content["coverage"], content["shard"]
    return VerifyEnded(
        fleet=content["fleet"],
        backend=content["conductor"]["backend"],
        version=content["conductor"]["version"],
        seconds=content["seconds"],
        tasks=by_task(results),
        coverage=None if coverage is None else _coverage(coverage),
        shortfalls=tuple(content["shortfalls"]),
        interrupted=content["interrupted"],
        serves=tuple(content["serves"]),
        shard=None if shard is None else _shard(shard),
        stopped=content["stopped"],
        floor=content["floor"],
        selected=content["selected"],
    )


def _shard(content: Mapping[str, Any]) -> Shard:
    return Shard(content["number"], content["count"], tuple(map(tuple, content["tasks"])))


def _clause(clause: Clause, content: Mapping[str, Any]) -> ClauseResult:
    return ClauseResult(
        id=clause.id,
        task=clause.task,
        text=content.get("text", clause.text),
        seed=content.get("seed", clause.seed),
        status=content["status"],
        expected=content["expected"],
        observed=content["observed"],
        difference=content.get("difference", ""),
        exchanges=tuple(
            Exchange(**{**one, "statuses": tuple(one["statuses"])})
            for one in content.get("exchanges", ())
        ),
        log=content.get("log", ""),
        seconds=content["seconds"],
        test=content.get("test", ""),
        repeat=content.get("repeat", ""),
        also=tuple(content.get("also", ())),
        failure=content.get("failure", ""),
        replay=content.get("replay", ""),
        line=content.get("line", 0),
        audio=tuple(content.get("audio", ())),
    )


def _coverage(content: Mapping[str, Any]) -> Coverage:
    def covered(name: str) -> Covered:
        part = content[name]
        return Covered(tuple(part["exercised"]), tuple(part["missing"]))

    return Coverage(
        clauses=covered("clauses"),
        tasks=covered("tasks"),
        edges=covered("edges"),
        events=covered("events"),
        ends=content["ends"],
        endpoints=tuple(Endpoint(**one) for one in content["endpoints"]),
    )
