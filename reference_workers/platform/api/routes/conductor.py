"""`GET /conductor/health` (seed INFRA-004)."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Response

from reference_workers.platform.api.health import Health
from reference_workers.platform.api.problems import problem_responses
from reference_workers.platform.api.resources import ApiResources

router = APIRouter(tags=["conductor"])


@router.get(
    "/conductor/health",
    summary="Conductor's health",
    responses={
        **problem_responses(),
        503: {"description": "Unhealthy; see `error`.", "model": Health},
    },
)
async def conductor_health(resources: ApiResources, response: Response) -> Health:
    """Answer within 2 s: 200 if Conductor is healthy, otherwise 503."""
    health = await resources.health.health()
    if health.status == "unhealthy":
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    response.headers["Cache-Control"] = "no-store"
    return health
