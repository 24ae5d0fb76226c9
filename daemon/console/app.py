"""The console's application on a socket of this machine: which address shows what."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import current_thread, main_thread
from types import MappingProxyType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from daemon import loopback
from daemon.console import documents, drafts, overview, report, views
from daemon.console.access import Access, RequestRefused, form
from daemon.console.views import ConsoleContext
from daemon.domain.errors import ReviewError
from daemon.service.system import STOPPING, heard
from daemon.store.database import State, quick_read


# A page looks at the state at one moment; None where there is no state yet.
Show = Callable[[ConsoleContext, State | None, Request], Response]
# An action takes the fields of its form.
Act = Callable[[ConsoleContext, Request, Mapping[str, str]], Response]

ASSETS = Path(__file__).parent / "assets"
SHOWN: Mapping[str, Show] = {
    "/": overview.now,
    "/documents": overview.listed,
    "/documents/{page_id}": documents.shown,
    "/documents/{page_id}/compare": documents.compared,
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
            changes(context.state, is_ending),
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


PORT = 8765


class PortTaken(ReviewError):
    """Something else listens on the port."""

    exit_code = 2


def listen(port: int) -> socket.socket:
    """Open the listening socket on the loopback alone; port 0 is any free one.

    Raises:
        PortTaken: The port cannot be had.
    """
    try:
        return loopback.listen(port)
    except OSError as error:
        raise PortTaken(
            f"port {port}: {error.strerror}; choose another with --port, 0 for any"
        ) from error


class Server(uvicorn.Server):
    """A server whose application knows when it ends; it writes no log."""

    def __init__(self, make: Callable[[Callable[[], bool]], ASGIApp]) -> None:
        config = uvicorn.Config(
            make(lambda: self.should_exit),
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End in an orderly way at a signal, which is the usual end; a second one hurries."""
        if current_thread() is not main_thread():
            yield
            return

        def stop(_: int) -> None:
            self.force_exit = self.should_exit
            self.should_exit = True

        with heard(STOPPING, stop):
            yield


def serve(server: Server, listening: socket.socket) -> None:
    """Serve until a signal ends it."""
    with listening:
        server.run([listening])


LOOK_SECONDS = 0.4
# A proxy, such as an SSH tunnel's, and the browser see that the line is alive.
BEAT_SECONDS = 15.0
_RETRY = b"retry: 2000\n\n"
_BEAT = b": \n\n"

Stamp = tuple[tuple[int, int], ...]


def stamp(state: Path) -> Stamp:
    """Return what changes whenever something is committed to the state.

    The write-ahead log grows, or is written over, with every commit; looking at the files opens
    nothing, so it works also while there is no state yet.
    """
    marks = []
    for path in (state, state.with_name(state.name + "-wal")):
        try:
            about = path.stat()
            marks.append((about.st_mtime_ns, about.st_size))
        except OSError:
            marks.append((0, 0))
    return tuple(marks)


async def changes(state: Path, is_ending: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Yield an event each time the state changed, until the server ends."""
    yield _RETRY
    last, quiet = stamp(state), 0.0
    while not is_ending():
        await asyncio.sleep(LOOK_SECONDS)
        seen, quiet = stamp(state), quiet + LOOK_SECONDS
        if seen != last:
            last, quiet = seen, 0.0
            yield b"event: changed\ndata: state\n\n"
        elif quiet >= BEAT_SECONDS:
            quiet = 0.0
            yield _BEAT
