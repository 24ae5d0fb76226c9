"""The console's application: which address shows what, and how a failure is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from daemon.console import documents, drafts, report, serving, views
from daemon.console.access import Access, RequestRefused, form
from daemon.console.now import now
from daemon.console.views import ConsoleContext
from daemon.domain.errors import ReviewError
from daemon.store.database import State, quick_read


# A page looks at the state at one moment; None where there is no state yet.
Show = Callable[[ConsoleContext, State | None, Request], Response]
# An action takes the fields of its form.
Act = Callable[[ConsoleContext, Request, Mapping[str, str]], Response]

ASSETS = Path(__file__).parent / "assets"
SHOWN: Mapping[str, Show] = {
    "/": now,
    "/documents": documents.listed,
    "/documents/{page_id}": documents.shown,
    "/prompts/{version}": documents.prompt,
    "/drafts": drafts.listed,
    "/drafts/{number}": drafts.shown,
    "/worth": report.plots,
    "/worth/week": report.week,
    "/worth.csv": report.as_csv,
    "/worth.json": report.as_json,
}
DONE: Mapping[str, Act] = {
    "/documents/{page_id}/{act}": documents.act,
    "/drafts/{number}/{act}": drafts.act,
}


def application(
    context: ConsoleContext,
    is_ending: Callable[[], bool],
    pages: Mapping[str, Show] = MappingProxyType({}),
    acts: Mapping[str, Act] = MappingProxyType({}),
) -> ASGIApp:
    """Return the application.

    Args:
        context: What its pages work with.
        is_ending: Tells open streams that the server ends.
        pages: Pages besides its own, by their paths.
        acts: Actions besides its own, by their paths.
    """

    async def live(_: Request) -> Response:
        return StreamingResponse(
            serving.changes(context.state, is_ending),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store"},
        )

    shown, done = {**pages, **SHOWN}, {**acts, **DONE}
    routes: list[BaseRoute] = [Route(path, _shown(context, show)) for path, show in shown.items()]
    routes += [Route(path, _done(context, act), methods=["POST"]) for path, act in done.items()]
    routes += [
        Route("/live", live),
        Mount("/assets", StaticFiles(directory=ASSETS)),
    ]
    handlers: dict[Any, Any] = {
        RequestRefused: _refused,
        ReviewError: lambda request, error: _words(request, 503, f"{error}."),
        404: lambda request, _: _words(request, 404, "There is no such page."),
        405: lambda request, _: _words(request, 405, "That cannot be done here."),
    }
    return Access(Starlette(routes=routes, exception_handlers=handlers), context.door, _stranger)


def _shown(context: ConsoleContext, show: Show) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        with _reported(context), quick_read(context.state) as state:
            return show(context, state, request)

    return endpoint


def _done(context: ConsoleContext, act: Act) -> Any:
    async def endpoint(request: Request) -> Response:
        fields = await form(request)
        with _reported(context):
            return await run_in_threadpool(act, context, request, fields)

    return endpoint


@contextmanager
def _reported(context: ConsoleContext) -> Iterator[None]:
    try:
        yield
    except (RequestRefused, ReviewError):
        raise
    except Exception as error:
        context.report(error)
        raise RequestRefused(500, f"Internal error: {error!r}; the terminal says more.") from error


def _refused(request: Request, refused: Exception) -> Response:
    status = refused.status if isinstance(refused, RequestRefused) else 400
    return _words(request, status, str(refused))


def _words(request: Request, status: int, words: str) -> Response:
    return views.page(request, "refused.html", status, words=words)


def _stranger(refused: RequestRefused) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        scope["form_token"] = None
        await _refused(Request(scope), refused)(scope, receive, send)

    return answer
