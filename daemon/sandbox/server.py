"""The HTTP server: from a request through gate, endpoint and faults to an answer."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Thread
from typing import Any

import anyio
import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from daemon.loopback import HOST, listen, port_of
from daemon.sandbox import comments, pages, query
from daemon.sandbox.faults import ApiRefusal, Fault, FaultKind, Faults, failed, refusal
from daemon.sandbox.model import Json, http_date
from daemon.sandbox.objects import VERSION, View
from daemon.sandbox.requests import ApiCall, LoggedRequest, RequestLog, RequestWindow
from daemon.sandbox.state import State


Endpoint = Callable[[ApiCall], Json]

ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    ("GET", "/v1/users/me"): pages.me,
    ("GET", "/v1/users"): pages.users,
    ("GET", "/v1/users/{user_id}"): pages.user,
    ("GET", "/v1/databases/{database_id}"): pages.database,
    ("GET", "/v1/data_sources/{data_source_id}"): pages.source,
    ("POST", "/v1/data_sources/{data_source_id}/query"): query.query,
    ("GET", "/v1/pages/{page_id}"): pages.page,
    ("PATCH", "/v1/pages/{page_id}"): pages.update_page,
    ("GET", "/v1/pages/{page_id}/properties/{property_id}"): pages.page_property,
    ("GET", "/v1/blocks/{block_id}"): pages.block,
    ("PATCH", "/v1/blocks/{block_id}"): pages.update,
    ("DELETE", "/v1/blocks/{block_id}"): pages.delete,
    ("GET", "/v1/blocks/{block_id}/children"): pages.children,
    ("PATCH", "/v1/blocks/{block_id}/children"): pages.append,
    ("GET", "/v1/comments"): comments.listed,
    ("POST", "/v1/comments"): comments.created,
    ("GET", "/v1/comments/{comment_id}"): comments.retrieved,
    ("PATCH", "/v1/comments/{comment_id}"): comments.updated,
    ("DELETE", "/v1/comments/{comment_id}"): comments.deleted,
}
METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]
MAX_BODY = 500 * 1024
_PAGE = "<html><head><title>{0}</title></head><body><h1>{0} Service error</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Backend:
    """What the application works on."""

    state: State
    window: RequestWindow
    faults: Faults = field(default_factory=Faults)
    requests: RequestLog = field(default_factory=RequestLog)


def application(server: Backend, more: list[BaseRoute]) -> Starlette:
    """Make the ASGI application; `more` routes come first."""
    routes: list[BaseRoute] = [
        Route(template, _endpoint(server, template, endpoint), methods=[method])
        for (method, template), endpoint in ENDPOINTS.items()
    ]
    lost = Route("/{rest:path}", _endpoint(server, "", _no_endpoint), methods=METHODS)
    return Starlette(routes=[*more, *routes, lost])


def _no_endpoint(_: ApiCall) -> Json:
    raise ApiRefusal(400, "invalid_request_url", "Invalid request URL.")


def _endpoint(server: Backend, template: str, endpoint: Endpoint) -> Any:
    async def answer(request: Request) -> Response:
        path = request.url.path
        entry = LoggedRequest(
            server.state.now(), request.method, path, template or path, _token(request)
        )
        server.requests.add(entry)
        fault = server.faults.strike(request.method, path)
        response = await _answer(server, request, endpoint, fault)
        if not isinstance(response, HangUp):
            entry.status = response.status_code
        return response

    return answer


async def _answer(
    server: Backend, request: Request, endpoint: Endpoint, fault: Fault | None
) -> Response:
    if fault and fault.kind.is_before:
        struck = await _struck(server, fault)
        if struck:
            return struck
    body = await request.body()
    try:
        with server.state.lock, _paged(server.state, fault):
            answer = endpoint(_call(server, request, body))
    except ApiRefusal as refused:
        return _json(server, refused.status, refused.body(), refused.wait)
    if fault and not fault.kind.is_before:
        return await _spoiled(server, fault, answer)
    return _json(server, 200, answer)


@contextmanager
def _paged(state: State, fault: Fault | None) -> Iterator[None]:
    """Let one answer hold no results where a fault says so; its cursor leads on all the same."""
    if fault is None or fault.kind is not FaultKind.EMPTY_PAGE:
        yield
        return
    size, state.quirks.page_size = state.quirks.page_size, 0
    try:
        yield
    finally:
        state.quirks.page_size = size


def _call(server: Backend, request: Request, body: bytes) -> ApiCall:
    """Let a request through the gate: token, version, window, body."""
    token = _token(request)
    bot = next((bot for bot in server.state.bots.values() if bot.token == token), None)
    if bot is None:
        raise ApiRefusal(401, "unauthorized", "API token is invalid.")
    version = request.headers.get("notion-version")
    if version is None:
        rule = "Notion-Version header should be defined, instead was `undefined`."
        message = f"Notion-Version header failed validation: {rule}"
        raise ApiRefusal(400, "missing_version", message)
    if version != VERSION:
        raise failed("Notion-Version header", f'should be `"{VERSION}"`', version)
    server.window.spend(bot.token)
    query = request.query_params
    asked = {name: query.getlist(name) for name in query}
    view = View(server.state, bot)
    return ApiCall(view, request.path_params, asked, _body(request.method, body))


def _token(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token if kind == "Bearer" else ""


def _body(method: str, body: bytes) -> Any:
    """Read the body of a POST or PATCH; none at all counts as an empty object."""
    if method not in ("POST", "PATCH"):
        return None
    if len(body) > MAX_BODY:
        raise failed("body.length", f"should be ≤ `{MAX_BODY}`", len(body))
    try:
        return json.loads(body or b"{}")
    except ValueError:
        raise ApiRefusal(400, "invalid_json", "Error parsing JSON body.") from None


async def _struck(server: Backend, fault: Fault) -> Response | None:
    """Answer with a fault that strikes before anything was done; None goes on."""
    if fault.kind is FaultKind.SLOW:
        await anyio.sleep(fault.wait)
        return None
    if fault.kind is FaultKind.DROP:
        return HangUp()
    if fault.kind is FaultKind.HTML:
        page = _PAGE.format(fault.status)
        return Response(page, fault.status, _date(server, fault.date_off), "text/html")
    refused = refusal(fault)
    return _json(server, refused.status, refused.body(), refused.wait) if refused else None


async def _spoiled(server: Backend, fault: Fault, answer: Json) -> Response:
    """Spoil a good answer: what was asked for has been done."""
    if fault.kind is FaultKind.DROP_SAVED:
        return HangUp()
    if fault.kind is FaultKind.SLOW_SAVED:
        await anyio.sleep(fault.wait)
    elif refused := refusal(fault):
        return _json(server, refused.status, refused.body(), refused.wait)
    if fault.kind is FaultKind.BLANK:
        return Response("{}", 200, _date(server), "application/json; charset=utf-8")
    response = _json(server, 200, answer | _cursors(server, fault, answer))
    if fault.kind is FaultKind.TRUNCATED:
        half = bytes(response.body)[: len(response.body) // 2]
        return Response(half, 200, _date(server), "application/json; charset=utf-8")
    return response


def _cursors(server: Backend, fault: Fault, answer: Json) -> Json:
    """Give what a fault of paging changes in a list."""
    if answer.get("object") != "list":
        return {}
    if fault.kind is FaultKind.NULL_CURSOR:
        return {"has_more": True, "next_cursor": None}
    if fault.kind is FaultKind.STALE_CURSOR:
        stale = answer["next_cursor"] or server.state.serials()
        return {"has_more": False, "next_cursor": stale}
    return {}


def _json(server: Backend, status: int, answer: Json, wait: int = 0) -> Response:
    request_id = server.state.serials()
    headers = _date(server) | {"x-notion-request-id": request_id}
    if wait:
        headers["Retry-After"] = str(wait)
    body = json.dumps(answer | {"request_id": request_id}, ensure_ascii=False)
    return Response(
        body.encode("utf-8", "backslashreplace"), status, headers, "application/json; charset=utf-8"
    )


def _date(server: Backend, off: float = 0) -> dict[str, str]:
    off += server.state.quirks.date_off
    return {"Date": http_date(server.state.now() + timedelta(seconds=off))}


HANG_UP = "sandbox.hang_up"


class Dropped(Exception):
    """The connection ends here; nothing is answered."""


class HangUp(Response):
    """Ends the connection instead of answering."""

    async def __call__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,  # noqa: ARG002 - ASGI's signature
    ) -> None:
        """Close the socket where there is one; in process, raise `Dropped`."""
        hang_up = scope.get(HANG_UP)
        if hang_up is None:
            raise Dropped
        hang_up()
        while (await receive())["type"] != "http.disconnect":
            pass


class DroppableProtocol(H11Protocol):
    """Speaks HTTP and lets the application close the socket under a request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Hand the application a way to hang up."""
        super().connection_made(transport)
        app = self.app

        async def run(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
            scope[HANG_UP] = transport.abort
            await app(scope, receive, send)

        self.app = run


class SandboxTransport(httpx.AsyncBaseTransport):
    """Takes requests to the application in process; drops and timeouts look like httpx's own."""

    def __init__(self, app: ASGIApp) -> None:
        self._inner = httpx.ASGITransport(app=app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request.

        Raises:
            httpx.RemoteProtocolError: The sandbox hung up.
            httpx.ReadTimeout: The answer took longer than the request's read timeout.
        """
        patience = request.extensions.get("timeout", {}).get("read")
        try:
            with anyio.fail_after(patience):
                return await self._inner.handle_async_request(request)
        except Dropped:
            message = "Server disconnected without sending a response."
            raise httpx.RemoteProtocolError(message, request=request) from None
        except TimeoutError:
            raise httpx.ReadTimeout("", request=request) from None


class ThreadedServer(uvicorn.Server):
    """A server that another thread ends, at once; it writes no log and no Date of its own.

    uvicorn's own looks ten times a second whether to end, and then as often for its connections.
    """

    def __init__(self, app: ASGIApp) -> None:
        config = uvicorn.Config(
            app,
            http=DroppableProtocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            date_header=False,
            server_header=False,
        )
        super().__init__(config)
        self.ended: Future[None] = Future()

    async def main_loop(self) -> None:
        """Wait until it is ended."""
        await self.on_tick(0)
        await asyncio.wrap_future(self.ended)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
        """Close whatever is open; what is being answered is not waited for."""
        for listening in self.servers:
            listening.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # the transports close themselves in the loop's next round


@contextmanager
def serve(app: ASGIApp, port: int) -> Iterator[str]:
    """Serve in a thread until the block ends; gives the address.

    Raises:
        OSError: The port is taken.
    """
    running, listening = ThreadedServer(app), listen(port)
    thread = Thread(target=running.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{port_of(listening)}"
    finally:
        running.ended.set_result(None)
        thread.join()
        listening.close()
