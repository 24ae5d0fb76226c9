"""An embedded Notion: a server that behaves as the recorded one does, and a world to act in.

box = Sandbox()
rfcs = box.world.database("RFCs")
page = box.world.page(rfcs, "Queues", [blocks.paragraph("We need **queues**.")])
httpx.AsyncClient(transport=box.transport(), base_url="http://sandbox")
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import httpx
from starlette.applications import Starlette

from daemon.sandbox.clock import Clock
from daemon.sandbox.drop import SandboxTransport
from daemon.sandbox.faults import Faults
from daemon.sandbox.requests import Requests, Window
from daemon.sandbox.server import Server, application
from daemon.sandbox.serving import serve
from daemon.sandbox.state import State
from daemon.sandbox.world import World


class Sandbox:
    """A whole Notion.

    Args:
        clock: Gives the time, aware; default: the machine's. It can be set later.
        seed: Makes the ids; the same seed and the same steps make the same world.
    """

    def __init__(self, clock: Callable[[], datetime] | None = None, seed: int = 0) -> None:
        self.clock = Clock(clock)
        self.world = World(State(self.clock, seed))
        self.bot = self.world.bot("RFC reviewer")
        self._server = Server(self.world.state, Window(self.clock))
        self.app: Starlette = application(self._server, [])

    @property
    def token(self) -> str:
        """The token of the first bot."""
        return self.bot.token

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self._server.faults

    @property
    def requests(self) -> Requests:
        """What was asked."""
        return self._server.requests

    @property
    def window(self) -> Window:
        """The limit of requests; off until `per_minute` is set."""
        return self._server.window

    def add_bot(self, name: str, **capabilities: bool) -> str:
        """Make another connection and give its token; `capabilities` as in `model.Bot`."""
        return self.world.bot(name, **capabilities).token

    def transport(self) -> httpx.AsyncBaseTransport:
        """Give a transport that answers in process: no socket, no thread, no time of its own."""
        return SandboxTransport(self.app)

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[str]:
        """Serve on 127.0.0.1 in a thread; gives the address. Port 0 is any free one."""
        with serve(self.app, port) as url:
            yield url
