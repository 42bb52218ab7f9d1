"""`GET /conductor/health`, where the seed has it (INFRA-004)."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Response

from reference_workers.platform.api.health import Health
from reference_workers.platform.api.problems import problem_responses
from reference_workers.platform.api.resources import ApiResources

router = APIRouter(tags=["conductor"])


@router.get(
    "/conductor/health",
    summary="Whether Conductor can be worked with",
    responses={
        **problem_responses(),
        503: {"description": "It cannot; `error` says why.", "model": Health},
    },
)
async def conductor_health(resources: ApiResources, response: Response) -> Health:
    """Answer within 2 s, whatever Conductor does: 200 if it is healthy, else 503."""
    health = await resources.health.health()
    if health.status == "unhealthy":
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    response.headers["Cache-Control"] = "no-store"
    return health
