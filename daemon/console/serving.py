"""The console on a real socket of this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
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
