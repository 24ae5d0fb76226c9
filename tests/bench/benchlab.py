"""A Notion, a state and the program, in virtual time: what is measured is counted, not timed.

An answer takes `LATENCY` seconds of virtual time and the model as long as it is told, so a sweep's
duration is exact and the same on every machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from daemon.config import Config, Settings
from daemon.config.environment import Addresses, Secrets
from daemon.domain.values import Block, Outcome, Usage
from daemon.notion.gateway import Gateway
from daemon.notion.retry import PATIENCE_SECONDS, Limiter
from daemon.review.agent import Conversation, ReviewLimits, Toolbox
from daemon.sandbox import Sandbox, blocks
from daemon.store import database
from daemon.sweep.budget import Meter
from daemon.sweep.connections import Connections
from daemon.sweep.delivery import posting
from daemon.sweep.sweep import Result, sweep
from support import virtual_time


LATENCY = 0.05
KEY = "sk-ant-bench-0123456789abcdef"
MODEL = "anthropic:claude-sonnet-5-5"
UNLIMITED = 1_000_000  # requests a minute: no limit in practice
HOUR = timedelta(hours=1)

Calls = Sequence[tuple[str, dict[str, Any]]]
Think = Callable[[str], Calls]


def finish(_document: str) -> Calls:
    """Find nothing."""
    return [("finish", {"summary": ""})]


@dataclass(frozen=True)
class Read:
    """What a model was given to read of a page, and the blocks by their handles."""

    page: str
    system: str
    document: str
    blocks: Mapping[str, Block]


@dataclass
class Model:
    """Stands in for the chain of providers: thinks so long, then makes its calls."""

    think: Think = finish
    seconds: float = 0.0
    read: list[Read] = field(default_factory=list)
    at_work: int = 0

    faults: dict[str, Any] = field(default_factory=dict)

    def begin_sweep(self) -> None:
        """Have nothing to forget."""

    def warm(self, names: Sequence[str]) -> None:
        """Have nothing to import."""

    async def aclose(self) -> None:
        """Have nothing to close."""

    async def converse(
        self,
        names: Sequence[str],
        make: Callable[..., Any],
        offline: Callable[[Toolbox], None],
        limits: ReviewLimits,
        **_: Any,
    ) -> Conversation:
        brief, tools = make(None)
        blocks_ = tools._context.handles.blocks
        self.read.append(Read(brief.key, brief.system, brief.document, blocks_))
        self.at_work += 1
        await asyncio.sleep(self.seconds)
        self.at_work -= 1
        for name, arguments in self.think(brief.document):
            tools.call(name, arguments)
        usage = Usage(requests=1, input_tokens=100, output_tokens=10)
        return Conversation(Outcome.DONE, "", MODEL, usage, tools)


class Line(httpx.AsyncBaseTransport):
    """The way to Notion: every request takes `LATENCY`; `watch` sees each one leave."""

    def __init__(self, inner: httpx.AsyncBaseTransport, latency: float) -> None:
        self._inner = inner
        self._latency = latency
        self.watch: Callable[[httpx.Request], None] = lambda _: None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.watch(request)
        await asyncio.sleep(self._latency / 2)
        answer = await self._inner.handle_async_request(request)
        await asyncio.sleep(self._latency / 2)
        return answer


class Lab:
    """One company's Notion and one instance of the program."""

    def __init__(
        self,
        folder: Path,
        *,
        latency: float = LATENCY,
        per_minute: int = UNLIMITED,
        box: Sandbox | None = None,
        **config: Any,
    ) -> None:
        self.box = box or Sandbox(clock=virtual_time.now, seed=5)
        self.ana = self.box.world.person("Ana Costa", "ana.costa@corp.example")
        held = list(self.box.world.state.databases.values())
        self.rfcs = held[0] if held else self.box.world.database("RFCs")
        self.model = Model()
        self.line = Line(self.box.transport(), latency)
        self._folder = folder
        self._per_minute = per_minute
        self._config = config

    def page(self, title: str, count: int, words: str = "A sentence that says something") -> str:
        """Write a page of `count` blocks."""
        content = [blocks.heading(2, "Problem")]
        content += [blocks.paragraph(f"{words}, number {number}.") for number in range(1, count)]
        return str(self.box.world.page(self.rfcs, title, content).id)

    @property
    def pages(self) -> list[str]:
        """The ids of the pages of every database."""
        state = self.box.world.state
        return [page.id for page in state.pages.values() if page.parent.id in state.sources]

    def ask(self, page: str, numbers: Iterable[int]) -> None:
        """Let Ana begin a thread on each of these blocks."""
        held = self.box.world.blocks(page)
        for number in numbers:
            self.box.world.comment(held[number], f"Is {number} right?", by=self.ana)

    @contextmanager
    def process(self) -> Iterator[Connections]:
        """Start the program on the state, which it finds as it left it."""
        settings = self._settings()
        with closing(database.open_state(settings.config.state)) as state:
            notion = Gateway(
                self.box.token,
                base_url="http://sandbox",
                limiter=Limiter(self._per_minute, PATIENCE_SECONDS),
                transport=self.line,
            )
            meter = Meter(state, settings.config.limits, lambda: notion.now)
            model: Any = self.model
            yield Connections(settings, state, notion, model, meter, posting.deliver)

    async def sweep(self) -> Swept:
        """Sweep once in a process of its own."""
        with self.process() as connections:
            return await self.swept(connections)

    async def swept(self, connections: Connections) -> Swept:
        """Sweep once more in a process."""
        began, requests = asyncio.get_running_loop().time(), self.box.requests.count()
        failed: list[Any] = []

        def emit(event: str, /, **facts: Any) -> None:
            if event == "page.failed":
                failed.append(facts)

        result, errors = await sweep(connections.context(emit))
        assert not errors, errors
        assert not failed, failed
        seconds = asyncio.get_running_loop().time() - began
        return Swept(result, self.box.requests.count() - requests, seconds)

    def _settings(self) -> Settings:
        made = {
            "databases": [{"id": self.rfcs.id}],
            "watch_requests": 0,
            "state": self._folder / "state.db",
            "limits": {"tokens_per_day": 10**12, "cost_per_day": 10**6},
        }
        config = Config.model_validate(made | self._config)
        secrets = Secrets(self.box.token, {"anthropic": KEY})
        return Settings(Path("config.yaml"), config, secrets, Addresses(), {self.rfcs.id: (MODEL,)})


@dataclass(frozen=True)
class Swept:
    """A sweep: its result, the requests that Notion saw, its virtual seconds."""

    result: Result
    requests: int
    seconds: float


async def later(hours: float = 1) -> None:
    """Let hours pass, so that pages settle."""
    await asyncio.sleep(hours * HOUR.total_seconds())
