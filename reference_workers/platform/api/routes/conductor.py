"""`GET /conductor/health`, where the seed has it (INFRA-004)."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Response

from reference_workers.platform.api.health import Health
from reference_workers.platform.api.problems import documented
from reference_workers.platform.api.resources import Opened

router = APIRouter(tags=["conductor"])


@router.get(
    "/conductor/health",
    summary="Whether Conductor can be worked with",
    responses={
        **documented(),
        503: {"description": "It cannot; `error` says why.", "model": Health},
    },
)
async def conductor_health(opened: Opened, response: Response) -> Health:
    """Answer within 2 s, whatever Conductor does: 200 if it is healthy, else 503."""
    health = await opened.health.health()
    if health.status == "unhealthy":
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    response.headers["Cache-Control"] = "no-store"
    return health
