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
from pathlib import Path

import httpx
from starlette.applications import Starlette

from daemon.sandbox import documents
from daemon.sandbox.control import routes
from daemon.sandbox.documents import folder
from daemon.sandbox.faults import Faults
from daemon.sandbox.model import Clock, Ids, SandboxPage
from daemon.sandbox.requests import RequestLog, RequestWindow
from daemon.sandbox.server import Backend, SandboxTransport, application, serve
from daemon.sandbox.state import State
from daemon.sandbox.webhooks import Webhooks
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
        self.webhooks = Webhooks(self.world.state, Ids(seed + 2))
        self._server = Backend(self.world.state, RequestWindow(self.clock))
        self.app: Starlette = application(self._server, routes(self))
        self._prompt_id = ""

    @classmethod
    def with_documents(cls, clock: Callable[[], datetime] | None = None, seed: int = 0) -> Sandbox:
        """Make a sandbox with the own documents: four RFCs, people, threads, a prompt page."""
        box = cls(clock, seed)
        _, prompt = documents.load(box.world)
        box._prompt_id = prompt.id
        return box

    @classmethod
    def importing(
        cls, path: Path, clock: Callable[[], datetime] | None = None, seed: int = 0
    ) -> Sandbox:
        """Make a sandbox with the Markdown files of a folder, and the own prompt page.

        Raises:
            FileNotFoundError: There is no *.md file in the folder.
        """
        box = cls(clock, seed)
        folder(box.world, path)
        box._prompt_id = documents.prompt_page(box.world).id
        return box

    @property
    def token(self) -> str:
        """The token of the first bot."""
        return self.bot.token

    @property
    def prompt(self) -> SandboxPage:
        """The prompt page as it is now.

        Raises:
            KeyError: This sandbox began empty.
        """
        return self.world.state.pages[self._prompt_id]

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self._server.faults

    @property
    def requests(self) -> RequestLog:
        """What was asked."""
        return self._server.requests

    @property
    def window(self) -> RequestWindow:
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
