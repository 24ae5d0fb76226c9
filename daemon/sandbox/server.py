"""The HTTP server: from a request through gate, endpoint and faults to an answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from daemon.sandbox import comments, content, pages, query
from daemon.sandbox.call import Call
from daemon.sandbox.clock import http_date
from daemon.sandbox.drop import HangUp
from daemon.sandbox.faults import Fault, Faults, Kind, refusal
from daemon.sandbox.model import Bot, Json
from daemon.sandbox.refusal import Refusal, failed
from daemon.sandbox.requests import Entry, Requests, Window
from daemon.sandbox.state import State
from daemon.sandbox.view import VERSIONS, View


Endpoint = Callable[[Call], Json]

ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    ("GET", "/v1/users/me"): pages.me,
    ("GET", "/v1/users"): pages.users,
    ("GET", "/v1/users/{user_id}"): pages.user,
    ("GET", "/v1/databases/{database_id}"): pages.database,
    ("GET", "/v1/data_sources/{data_source_id}"): pages.source,
    ("POST", "/v1/data_sources/{data_source_id}/query"): query.query,
    ("POST", "/v1/search"): pages.search,
    ("GET", "/v1/pages/{page_id}"): pages.page,
    ("PATCH", "/v1/pages/{page_id}"): pages.update_page,
    ("GET", "/v1/pages/{page_id}/properties/{property_id}"): pages.page_property,
    ("GET", "/v1/blocks/{block_id}"): content.block,
    ("PATCH", "/v1/blocks/{block_id}"): content.update,
    ("DELETE", "/v1/blocks/{block_id}"): content.delete,
    ("GET", "/v1/blocks/{block_id}/children"): content.children,
    ("PATCH", "/v1/blocks/{block_id}/children"): content.append,
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
class Server:
    """What the application works on."""

    state: State
    window: Window
    faults: Faults = field(default_factory=Faults)
    requests: Requests = field(default_factory=Requests)


def application(server: Server, more: list[BaseRoute]) -> Starlette:
    """Make the ASGI application; `more` routes come first."""
    routes: list[BaseRoute] = [
        Route(template, _endpoint(server, template, endpoint), methods=[method])
        for (method, template), endpoint in ENDPOINTS.items()
    ]
    lost = Route("/{rest:path}", _endpoint(server, "", _nowhere), methods=METHODS)
    return Starlette(routes=[*more, *routes, lost])


def _nowhere(_: Call) -> Json:
    raise Refusal(400, "invalid_request_url", "Invalid request URL.")


def _endpoint(server: Server, template: str, endpoint: Endpoint) -> Any:
    async def answer(request: Request) -> Response:
        path = request.url.path
        entry = Entry(server.state.now(), request.method, path, template or path, _token(request))
        server.requests.add(entry)
        fault = server.faults.strike(request.method, path)
        response = await _answer(server, request, endpoint, fault)
        if not isinstance(response, HangUp):
            entry.status = response.status_code
        return response

    return answer


async def _answer(
    server: Server, request: Request, endpoint: Endpoint, fault: Fault | None
) -> Response:
    if fault and fault.kind.is_before:
        struck = await _struck(server, fault)
        if struck:
            return struck
    body = await request.body()
    with _paged(server.state, fault):
        status, answer, wait = _handled(server, request, endpoint, body)
    if fault and status < 400 and not fault.kind.is_before:  # noqa: PLR2004 - an HTTP class
        return await _spoiled(server, fault, answer)
    return _json(server, status, answer, wait)


def _handled(
    server: Server, request: Request, endpoint: Endpoint, body: bytes
) -> tuple[int, Json, int]:
    """Give the status, the body and the seconds to wait."""
    try:
        with server.state.lock:
            return 200, endpoint(_call(server, request, body)), 0
    except Refusal as refused:
        return refused.status, refused.body(), refused.wait


@contextmanager
def _paged(state: State, fault: Fault | None) -> Iterator[None]:
    """Let one answer hold no results where a fault says so; its cursor leads on all the same."""
    if fault is None or fault.kind is not Kind.EMPTY_PAGE:
        yield
        return
    with state.lock:
        size, state.quirks.page_size = state.quirks.page_size, 0
        try:
            yield
        finally:
            state.quirks.page_size = size


def _call(server: Server, request: Request, body: bytes) -> Call:
    """Let a request through the gate: token, version, window, body."""
    bot = _bot(server.state, request)
    version = _version(request)
    server.window.spend(bot.token)
    query = request.query_params
    asked = {name: query.getlist(name) for name in query}
    view = View(server.state, bot, version)
    return Call(view, request.path_params, asked, _body(request.method, body))


def _token(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token if kind == "Bearer" else ""


def _bot(state: State, request: Request) -> Bot:
    token = _token(request)
    for bot in state.bots.values():
        if bot.token == token:
            return bot
    raise Refusal(401, "unauthorized", "API token is invalid.")


def _version(request: Request) -> str:
    version = request.headers.get("notion-version")
    if version is None:
        rule = "Notion-Version header should be defined, instead was `undefined`."
        message = f"Notion-Version header failed validation: {rule}"
        raise Refusal(400, "missing_version", message)
    if version not in VERSIONS:
        known = " or ".join(f'`"{one}"`' for one in VERSIONS)
        raise failed("Notion-Version header", f"should be {known}", version)
    return version


def _body(method: str, body: bytes) -> Any:
    """Read the body of a POST or PATCH; none at all counts as an empty object."""
    if method not in ("POST", "PATCH"):
        return None
    if len(body) > MAX_BODY:
        raise failed("body.length", f"should be ≤ `{MAX_BODY}`", len(body))
    try:
        return json.loads(body or b"{}")
    except ValueError:
        raise Refusal(400, "invalid_json", "Error parsing JSON body.") from None


async def _struck(server: Server, fault: Fault) -> Response | None:
    """Answer with a fault that strikes before anything was done; None goes on."""
    if fault.kind is Kind.SLOW:
        await anyio.sleep(fault.wait)
        return None
    if fault.kind is Kind.DROP:
        return HangUp()
    if fault.kind is Kind.HTML:
        page = _PAGE.format(fault.status)
        return Response(page, fault.status, _date(server), "text/html")
    refused = refusal(fault)
    return _json(server, refused.status, refused.body(), refused.wait) if refused else None


async def _spoiled(server: Server, fault: Fault, answer: Json) -> Response:
    """Spoil a good answer: what was asked for has been done."""
    if fault.kind is Kind.DROP_SAVED:
        return HangUp()
    if fault.kind is Kind.SLOW_SAVED:
        await anyio.sleep(fault.wait)
    elif refused := refusal(fault):
        return _json(server, refused.status, refused.body(), refused.wait)
    if fault.kind is Kind.BLANK:
        return Response("{}", 200, _date(server), "application/json; charset=utf-8")
    response = _json(server, 200, answer | _cursors(server, fault, answer))
    if fault.kind is Kind.TRUNCATED:
        half = bytes(response.body)[: len(response.body) // 2]
        return Response(half, 200, _date(server), "application/json; charset=utf-8")
    return response


def _cursors(server: Server, fault: Fault, answer: Json) -> Json:
    """Give what a fault of paging changes in a list."""
    if answer.get("object") != "list":
        return {}
    if fault.kind is Kind.NULL_CURSOR:
        return {"has_more": True, "next_cursor": None}
    if fault.kind is Kind.STALE_CURSOR:
        stale = answer["next_cursor"] or server.state.serials()
        return {"has_more": False, "next_cursor": stale}
    return {}


def _json(server: Server, status: int, answer: Json, wait: int = 0) -> Response:
    request_id = server.state.serials()
    headers = _date(server) | {"x-notion-request-id": request_id}
    if wait:
        headers["Retry-After"] = str(wait)
    body = json.dumps(answer | {"request_id": request_id}, ensure_ascii=False)
    return Response(
        body.encode("utf-8", "replace"), status, headers, "application/json; charset=utf-8"
    )


def _date(server: Server) -> dict[str, str]:
    return {"Date": http_date(server.state.now())}
