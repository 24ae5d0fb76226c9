"""The console on a real socket of this machine, until Ctrl-C."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread

import uvicorn
from starlette.types import ASGIApp

from daemon import loopback
from daemon.domain.errors import ReviewError
from daemon.service.signals import STOPPING, heard


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
        with heard(STOPPING, self._stop):
            yield

    def _stop(self, _: int) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def serve(server: Server, listening: socket.socket) -> None:
    """Serve until a signal ends it."""
    with listening:
        server.run([listening])
