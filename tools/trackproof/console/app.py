"""The console as an ASGI app."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from trackproof.console.controls import PLACES, SERVICES
from trackproof.console.desk import Desk
from trackproof.console.form import read_form, rest_as_toml, scenario_from
from trackproof.console.guard import MAX_BODY, Guard
from trackproof.console.kept_pages import LISTED, DeskOf, result_values
from trackproof.console.kept_pages import router as kept_pages
from trackproof.console.live import Listener
from trackproof.console.templates import FILES, page
from trackproof.errors import TrackproofError, UsageError
from trackproof.report.again import changes_between
from trackproof.scenarios import ScenarioFile, find_scenario, list_scenarios
from trackproof.testbed.conductor.versions import VERSIONS
from trackproof.verify.run_store.verdicts import give_verdict

router = APIRouter()


def create_app(desk: Desk) -> FastAPI:
    """Return the app that shows a desk."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.desk = desk
    app.include_router(router)
    app.include_router(kept_pages)
    app.add_middleware(Guard)
    app.add_exception_handler(TrackproofError, _problem)
    app.add_exception_handler(HTTPException, _unknown)
    app.add_exception_handler(RequestValidationError, _unknown)
    return app


def _problem(request: Request, error: Exception) -> Response:
    status = 404 if request.method == "GET" else 400
    return HTMLResponse(page("problem.html.j2", error=error), status)


def _html(template: str, **values: Any) -> HTMLResponse:
    return HTMLResponse(page(template, **values))


def _unknown(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    what = f"there is no page {request.url.path}" if status == 404 else "the request is not valid"
    return HTMLResponse(page("problem.html.j2", error=what), status)


@router.get("/")
def gallery(desk: DeskOf, tag: str = "", words: str = "") -> Response:
    """Show the scenarios, filtered, and the queue."""
    known = list_scenarios()
    shown = [
        one
        for one in known
        if (not tag or tag in one.tags)
        and all(word in f"{one.name} {one.title}".lower() for word in words.lower().split())
    ]
    tags = sorted({name for one in known for name in one.tags})
    return _html(
        "gallery.html.j2",
        scenarios=shown,
        total=len(known),
        tags=tags,
        tag=tag,
        words=words,
        current=desk.current,
        queued=desk.queued(),
    )


@router.get("/scenarios/{name}")
def scenario_form(name: str, problem: str = "") -> Response:
    """Show the form of a scenario."""
    return _form(_scenario(name), problem)


@router.post("/scenarios/{name}")
async def start(name: str, request: Request, desk: DeskOf) -> Response:
    """Put a scenario with the values of the form into the queue."""
    base = _scenario(name)
    form = read_form(await _body(request))
    try:
        scenario = scenario_from(form, base)
        job = await asyncio.to_thread(desk.add, scenario, "reference")
    except TrackproofError as error:
        return HTMLResponse(_form_page(base, str(error), form), 400)
    return RedirectResponse(f"/runs/{job.id}", 303)


def _scenario(name: str) -> ScenarioFile:
    if name.endswith(".toml"):
        raise UsageError(f"there is no scenario {name!r}")
    return find_scenario(name)


def _form(scenario: ScenarioFile, problem: str) -> Response:
    return HTMLResponse(_form_page(scenario, problem, {}))


def _form_page(scenario: ScenarioFile, problem: str, form: dict[str, str]) -> str:
    return page(
        "scenario.html.j2",
        scenario=scenario,
        rest=form.get("rest", rest_as_toml(scenario)),
        form=form,
        versions=list(VERSIONS),
        problem=problem,
    )


@router.get("/runs")
def runs(desk: DeskOf) -> Response:
    """List the kept runs."""
    records = [record for record, _ in zip(desk.store.records(), range(LISTED), strict=False)]
    return _html("runs.html.j2", records=records, current=desk.current, queued=desk.queued())


@router.get("/runs/{run_id}")
def run(run_id: str, desk: DeskOf) -> Response:
    """Show a run: live while it goes on, else its result."""
    record = desk.store.read(run_id)
    live = desk.live(run_id)
    if live is not None and live.state != "ended":
        return _html(
            "live_run.html.j2",
            record=record,
            parts=live.parts(),
            places=PLACES,
            services=SERVICES,
        )
    return _html("result.html.j2", **result_values(desk, record))


@router.get("/runs/{run_id}/against")
def compare(run_id: str, older: str, desk: DeskOf) -> Response:
    """Compare a run with an older one."""
    newer, before = desk.store.read(run_id), desk.store.read(older)
    changes = changes_between(desk.store, before, newer)
    return _html("compare.html.j2", newer=newer, older=before, changes=changes)


@router.post("/runs/{run_id}/verdict")
async def verdict(run_id: str, request: Request, desk: DeskOf) -> Response:
    """Keep a person's verdict on one point."""
    form = read_form(await _body(request))
    record = desk.store.read(run_id)
    point = form.get("point", "")
    give_verdict(
        desk.store,
        record,
        point,
        form.get("word", ""),
        note=form.get("note", ""),
        who=form.get("who", ""),
    )
    return RedirectResponse(f"/runs/{run_id}#checklist", 303)


@router.post("/runs/{run_id}/act")
async def act(run_id: str, request: Request, desk: DeskOf) -> Response:
    """Kill, pause or resume a part; stop or retry the run."""
    form = read_form(await _body(request))
    action, place = form.get("action", ""), form.get("place", "")
    if action == "stop":
        await asyncio.to_thread(desk.stop, run_id)
    elif action == "retry":
        desk.retry(run_id)
    else:
        live, controls = desk.live(run_id), desk.controls
        if controls is None or live is None or desk.current is None or desk.current.id != run_id:
            raise UsageError("this run is not under way")
        live.log([await asyncio.to_thread(controls.act, action, place)])
    return RedirectResponse(f"/runs/{run_id}", 303)


@router.websocket("/runs/{run_id}/live")
async def live(socket: WebSocket, run_id: str) -> None:
    """Push the parts of a live page as they change."""
    desk: Desk = socket.app.state.desk
    shown = desk.live(run_id)
    await socket.accept()
    if shown is None:
        await socket.close(1000)
        return
    listener = shown.listen()
    try:
        await _push(socket, listener, lambda: shown.state == "ended")
    finally:
        shown.forget(listener)


async def _push(socket: WebSocket, listener: Listener, has_ended: Callable[[], bool]) -> None:
    """Send messages until the page goes, or the run has ended and everything is sent."""
    closed = asyncio.ensure_future(socket.receive())
    try:
        while True:
            message = asyncio.ensure_future(listener.queue.get())
            done, _ = await asyncio.wait({message, closed}, return_when=asyncio.FIRST_COMPLETED)
            if message not in done:
                message.cancel()
                return
            await socket.send_json(message.result())
            if message.result()["part"] == "state" and has_ended():
                await socket.close(1000)
                return
    finally:
        closed.cancel()


@router.get("/static/{name}")
def static(name: str) -> Response:
    """Send one of the files that a page loads."""
    if name not in FILES:
        raise UsageError(f"there is no file {name!r}")
    path, media_type = FILES[name]
    return FileResponse(path, media_type=media_type)


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            raise UsageError(f"a form has at most {MAX_BODY} bytes")
        parts.append(part)
    return b"".join(parts)
