"""The application on a real socket of this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn
from starlette.types import ASGIApp

from daemon.sandbox.drop import DroppableProtocol


HOST = "127.0.0.1"


def server(app: ASGIApp) -> uvicorn.Server:
    """Make the server; it writes no log and no Date of its own."""
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
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def listen(port: int) -> socket.socket:
    """Open the listening socket, so that its port is known and connections wait from now on.

    Raises:
        OSError: The port is taken.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def address(listening: socket.socket) -> str:
    """Give the address of a listening socket."""
    return f"http://{HOST}:{listening.getsockname()[1]}"


@contextmanager
def serve(app: ASGIApp, port: int) -> Iterator[str]:
    """Serve in a thread until the block ends; gives the address."""
    running, listening = server(app), listen(port)
    thread = Thread(target=running.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield address(listening)
    finally:
        running.should_exit = True
        thread.join()
        listening.close()
