"""The console's application: which address shows what, and how a failure is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlite_utils import Database
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from daemon.console import drafts as decide, documents, live, views, report as worth
from daemon.console.access import Access, Refused, form
from daemon.console.context import Desk
from daemon.console.now import now
from daemon.domain.errors import ReviewError
from daemon.store.database import glance


# A page looks at the state at one moment; None where there is no state yet.
Show = Callable[[Desk, Database | None, Request], Response]
# An action takes the fields of its form.
Act = Callable[[Desk, Request, Mapping[str, str]], Response]

ASSETS = Path(__file__).parent / "assets"
SHOWN: Mapping[str, Show] = {
    "/": now,
    "/documents": documents.listed,
    "/documents/{page_id}": documents.shown,
    "/drafts": decide.listed,
    "/drafts/{number:int}": decide.shown,
    "/worth": worth.worth,
    "/worth/week": worth.reported,
    "/worth.csv": worth.as_csv,
    "/worth.json": worth.as_json,
}
DONE: Mapping[str, Act] = {
    "/documents/{page_id}/{act}": documents.act,
    "/drafts/{number:int}/{act}": decide.act,
}


def application(
    desk: Desk,
    is_ending: Callable[[], bool],
    pages: Mapping[str, Show] = MappingProxyType({}),
    acts: Mapping[str, Act] = MappingProxyType({}),
) -> ASGIApp:
    """Return the application.

    Args:
        desk: What its pages work with.
        is_ending: Tells open streams that the server ends.
        pages: Pages besides its own, by their paths.
        acts: Actions besides its own, by their paths.
    """
    shown, done = {**pages, **SHOWN}, {**acts, **DONE}
    routes: list[BaseRoute] = [Route(path, _shown(desk, show)) for path, show in shown.items()]
    routes += [Route(path, _done(desk, act), methods=["POST"]) for path, act in done.items()]
    routes += [
        Route("/live", partial(_live, desk, is_ending)),
        Mount("/assets", StaticFiles(directory=ASSETS)),
    ]
    handlers: dict[Any, Any] = {
        Refused: _refused,
        ReviewError: _failed,
        404: lambda request, _: _words(request, 404, "There is no such page."),
        405: lambda request, _: _words(request, 405, "That cannot be done here."),
    }
    return Access(Starlette(routes=routes, exception_handlers=handlers), desk.door, _stranger)


def _shown(desk: Desk, show: Show) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        with _reported(desk), glance(desk.state) as state:
            return show(desk, state, request)

    return endpoint


def _done(desk: Desk, act: Act) -> Any:
    async def endpoint(request: Request) -> Response:
        fields = await form(request)
        with _reported(desk):
            return await run_in_threadpool(act, desk, request, fields)

    return endpoint


@contextmanager
def _reported(desk: Desk) -> Iterator[None]:
    try:
        yield
    except (Refused, ReviewError):
        raise
    except Exception as error:
        desk.report(error)
        raise Refused(500, f"Internal error: {error!r}; the terminal says more.") from error


async def _live(desk: Desk, is_ending: Callable[[], bool], _: Request) -> Response:
    return StreamingResponse(
        live.changes(desk.state, is_ending),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store"},
    )


def _refused(request: Request, refused: Exception) -> Response:
    status = refused.status if isinstance(refused, Refused) else 400
    return _words(request, status, str(refused))


def _failed(request: Request, error: Exception) -> Response:
    return _words(request, 503, f"{error}.")


def _words(request: Request, status: int, words: str) -> Response:
    return views.page(request, "refused.html", status, words=words)


def _stranger(refused: Refused) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        scope["form_token"] = None
        await _refused(Request(scope), refused)(scope, receive, send)

    return answer
