"""The way between the program and Notion: slow, faulty, and with people acting meanwhile."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

import httpx

from daemon.sandbox.faults import Fault, FaultKind
from simulation.mortal import Life
from simulation.record import Record
from support import virtual_time


# When the request that is being handled left the program.
SENT: ContextVar[datetime | None] = ContextVar("sent", default=None)
# Whether it arrives after its sender gave up: nothing else strikes it then.
LATE: ContextVar[bool] = ContextVar("late", default=False)
# A request whose sender gave up may still arrive this much later.
LATEST = 4.0
# By how many seconds a proxy's clock may be wrong: not at all, by hours, by a year.
DATES_OFF = (0, 0, 7_200, -7_200, 31_536_000, -31_536_000)


class Network(httpx.AsyncBaseTransport):
    """Carries the requests of one process."""

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        life: Life,
        dice: random.Random,
        record: Record,
        interrupt: Callable[[str | None], None],
    ) -> None:
        self._inner = inner
        self._life = life
        self._dice = dice
        self._record = record
        self._interrupt = interrupt
        self.rough = True

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._life.effect()
        sent = virtual_time.now()
        SENT.set(sent)
        self._record.requests.append((sent, self._life.number))
        is_post = request.method == "POST" and request.url.path == "/v1/comments"
        self._record.note(sent, request.method, path=request.url.path[4:], life=self._life.number)
        self._life.sends(_kind(request))
        if is_post and self.rough and self._dice.random() < 0.2:
            self._interrupt(_target(request))
        if request.url.path.endswith("/query") and self.rough and self._dice.random() < 0.15:
            self._interrupt("twice")
        if is_post and self.rough and self._dice.random() < 0.05:
            self._later(request)
            raise httpx.ReadError("reset", request=request)
        try:
            await self._passes()
        except BaseException:
            if is_post and self._dice.random() < 0.5:
                self._later(request)
            raise
        response = await self._inner.handle_async_request(request)
        await self._passes()
        self._life.effect()
        return response

    async def _passes(self) -> None:
        if not self.rough:
            return
        await asyncio.sleep(self._dice.choice((0.0, 0.05, 0.4, 1.5)))
        if self._dice.random() < 0.03:
            self._interrupt(None)

    def _later(self, request: httpx.Request) -> None:
        """Let a request arrive though nobody waits for its answer any more."""
        delay = self._dice.uniform(0, LATEST)
        self._record.note(virtual_time.now(), "arrives later", after=f"{delay:.2f}")

        async def arrive() -> None:
            await asyncio.sleep(delay)
            LATE.set(True)
            with suppress(httpx.HTTPError):
                await self._inner.handle_async_request(request)

        self._keep = asyncio.get_running_loop().create_task(arrive())


def _kind(request: httpx.Request) -> str:
    if request.method == "POST":
        return "query" if request.url.path.endswith("/query") else "comment"
    return "children" if request.url.path.endswith("/children") else ""


def _target(request: httpx.Request) -> str | None:
    """Give the block that a comment is meant for."""
    block: str | None = json.loads(request.content).get("parent", {}).get("block_id")
    return block


@dataclass
class Weather:
    """How often requests are struck now: all of them, and those of one kind during an outage."""

    kinds: tuple[FaultKind, ...] = tuple(FaultKind)
    rate: float = 0.0
    outage: str = ""
    outage_rate: float = 0.0

    def now(self, method: str, path: str) -> float:
        """Give how likely a request is struck."""
        struck = self.outage and fnmatchcase(f"{method} {path}", self.outage)
        return self.outage_rate if struck else self.rate

    def change(self, dice: random.Random) -> None:
        """Let other weather come."""
        self.rate = dice.choice((0.0, 0.01, 0.03, 0.1, 0.3))
        self.outage = dice.choice(OUTAGES)
        self.outage_rate = dice.choice((0.5, 0.8, 1.0))

    def clear(self) -> None:
        """Let the sun shine."""
        self.rate, self.outage = 0.0, ""


OUTAGES = (
    "",
    "",
    "POST */query",
    "GET */children",
    "GET /v1/pages/*",
    "GET /v1/comments",
    "POST /v1/comments",
    "* /v1/*",
)


def policy(dice: random.Random, record: Record, weather: Weather) -> Callable[..., Fault | None]:
    """Return what strikes requests, with a fault of any kind.

    The page of a proxy tells the proxy's time, which may be far off.
    """
    clocks = random.Random(f"{record.seed} clocks")

    def strike(method: str, path: str) -> Fault | None:
        if LATE.get() or dice.random() >= weather.now(method, path):
            return None
        kind = dice.choice(weather.kinds)
        wait = dice.choice((1, 20, 70, 400) if kind is FaultKind.RATE_LIMITED else (1, 5, 30, 90))
        record.note(virtual_time.now(), "fault", kind=kind.value, wait=wait)
        record.counts[f"fault {kind.value}"] += 1
        off = clocks.choice(DATES_OFF) if kind is FaultKind.HTML else 0
        return Fault(kind, wait=wait, status=dice.choice((403, 500, 502)), date_off=off)

    return strike
