"""The API as an ASGI app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from reference_workers.platform.api import problems
from reference_workers.platform.api.resources import Resources
from reference_workers.platform.api.routes import conductor, live, media, recordings, transcripts
from reference_workers.platform.api.tokens import require_local_caller, require_token
from reference_workers.settings import Settings

DESCRIPTION = """\
Recordings, transcripts and Conductor's health. Errors are `application/problem+json`.

The WebSocket `/ws/transcripts/{id}` streams a transcript's events as JSON messages; OpenAPI
cannot describe it.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return an app that opens its resources when a server starts it.

    Args:
        settings: Default: from the environment.
    """
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with Resources.open(settings) as resources:
            app.state.resources = resources
            yield

    app = FastAPI(
        title="Transcripts of meetings",
        version="1.0.0",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from a CDN
        redoc_url=None,
    )
    problems.install_handlers(app)
    frontend = urlsplit(settings.frontend_url)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[f"{frontend.scheme}://{frontend.netloc}"],
        allow_methods=["GET", "HEAD"],
        allow_headers=["Authorization", "Range", "If-Range"],
        expose_headers=["Content-Range", "ETag"],
    )
    access: dict[str, Any] = (
        {"dependencies": [Depends(require_token)], "responses": problems.problem_responses(401)}
        if settings.api_tokens
        else {
            "dependencies": [Depends(require_local_caller)],
            "responses": problems.problem_responses(403),
        }
    )
    for route in (conductor, recordings, transcripts, media):
        app.include_router(route.router, **access)
    app.include_router(live.router)
    return app
