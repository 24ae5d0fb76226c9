"""The application on a real socket of this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread

import uvicorn
from starlette.types import ASGIApp

from daemon.loopback import HOST, listen, port_of
from daemon.sandbox.drop import DroppableProtocol


class Server(uvicorn.Server):
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
    running, listening = Server(app), listen(port)
    thread = Thread(target=running.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{port_of(listening)}"
    finally:
        running.ended.set_result(None)
        thread.join()
        listening.close()
