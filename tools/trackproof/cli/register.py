"""`trackproof register`: put the task and workflow definitions on a server."""

from __future__ import annotations

from dataclasses import asdict

import typer

from trackproof.cli.common import JsonOption, ServerOption, ends_cleanly
from trackproof.contracts.load import load_contracts
from trackproof.errors import ExitCode
from trackproof.report.output import check_writable, write_json


@ends_cleanly
def register(
    conductor: ServerOption,
    json_file: JsonOption = None,
) -> ExitCode:
    """Register the task definitions and the workflow; a second call changes nothing."""
    from trackproof.testbed.conductor.external_server import connect
    from trackproof.testbed.conductor.registration import register as send

    contracts = load_contracts()
    if json_file:
        check_writable(json_file)
    with connect(conductor) as server:
        report = send(server.api_url, contracts.task_definitions(), contracts.workflow)
    typer.echo(f"{server.api_url}: {report}")
    if json_file:
        write_json(json_file, asdict(report))
    return ExitCode.HELD
