"""Admin API of the stand-ins: faults and the ledger, for other processes."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from trackproof.testbed.stand_ins.faults import Fault, Faults
from trackproof.testbed.stand_ins.ledger import Ledger

_RULES = TypeAdapter(Fault | list[Fault])


def admin_app(ledger: Ledger, faults: Faults) -> Starlette:
    """Return the app for `/_admin`: `faults` (POST, GET, DELETE) and `requests` (GET)."""

    async def add_faults(request: Request) -> JSONResponse:
        try:
            rules = _RULES.validate_json(await request.body())
            faults.add(*(rules if isinstance(rules, list) else [rules]))
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False, include_context=False)
            return JSONResponse({"error": errors}, 400)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        return show_faults(201)

    async def list_faults(_: Request) -> JSONResponse:
        return show_faults(200)

    async def clear_faults(_: Request) -> JSONResponse:
        faults.clear()
        return show_faults(200)

    async def list_requests(request: Request) -> JSONResponse:
        query = request.query_params
        requests = ledger.requests(
            query.get("service"), method=query.get("method"), path=query.get("path")
        )
        return JSONResponse({"requests": [entry.as_json() for entry in requests]})

    def show_faults(status: int) -> JSONResponse:
        active = [fault.model_dump(mode="json") for fault in faults.active()]
        return JSONResponse({"faults": active}, status)

    return Starlette(
        routes=[
            Route("/faults", add_faults, methods=["POST"]),
            Route("/faults", list_faults, methods=["GET"]),
            Route("/faults", clear_faults, methods=["DELETE"]),
            Route("/requests", list_requests, methods=["GET"]),
        ]
    )
