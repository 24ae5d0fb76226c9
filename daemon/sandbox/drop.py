"""Connections that end without an answer: over a real socket and in process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import anyio
import httpx
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol


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
        self.app = _with_hang_up(self.app, transport.abort)


def _with_hang_up(app: Any, hang_up: Callable[[], None]) -> ASGIApp:
    async def run(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        scope[HANG_UP] = hang_up
        await app(scope, receive, send)

    return run


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
            return await _within(patience, self._inner.handle_async_request(request))
        except Dropped:
            message = "Server disconnected without sending a response."
            raise httpx.RemoteProtocolError(message, request=request) from None
        except TimeoutError:
            raise httpx.ReadTimeout("", request=request) from None


async def _within(seconds: float | None, answer: Awaitable[httpx.Response]) -> httpx.Response:
    with anyio.fail_after(seconds):
        return await answer
