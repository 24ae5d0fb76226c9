"""A week of the service as it is: the real sweeps, an embedded Notion, virtual time."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import apscheduler.schedulers.asyncio  # noqa: F401 - loaded before time is frozen
import httpx
import pytest

from daemon.config import Settings, load
from daemon.sandbox import Sandbox, blocks
from daemon.service.runner import Worker
from daemon.service.service import Service
from daemon.service.system import Systemd
from daemon.store import database
from support import wall


HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
# What 18 hours may add in bytes: bounded caches still fill up.
ROOM = 32 * 1024
# The clocks of Europe go back on Sunday, 25 October 2026.
MONDAY = datetime(2026, 10, 19, 22, tzinfo=UTC)
CONFIG = """\
databases: [{{id: {database}}}]
models: [offline]
schedule: {{cron: "0 * * * *", timezone: Europe/Berlin}}
settle: 1m
limits: {{concurrent_reviews: 1}}
state: state.db
"""


class Slow(httpx.AsyncBaseTransport):
    """Hands requests on after a while."""

    def __init__(self, box: Sandbox) -> None:
        self._inner = box.transport()
        self.seconds = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(self.seconds)
        return await self._inner.handle_async_request(request)


@dataclass
class Week:
    """What happens in it, and what was seen of it."""

    box: Sandbox
    source: str
    network: Slow
    began: list[datetime] = field(default_factory=list)
    ended: list[datetime] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    pages: int = 0

    def emit(self, event: str, /, **_: object) -> None:
        self.told[event] += 1
        if event == "sweep.started":
            self.began.append(datetime.now(UTC))
        if event == "sweep.done":
            self.ended.append(datetime.now(UTC))
            self.box.requests.log.clear()

    def write(self, count: int = 1) -> None:
        for _ in range(count):
            self.pages += 1
            text = blocks.paragraph(f"We need queue {self.pages}, and it is TBD how long it gets.")
            self.box.world.page(self.source, f"Page {self.pages}", [text])

    async def hours(self, count: int) -> None:
        """Let hours pass; somebody writes a page in the middle of every sixth."""
        for hour in range(count):
            await asyncio.sleep(1800)
            if hour % 6 == 0:
                self.write()
            await asyncio.sleep(1800)


def weight() -> int:
    """Return the bytes that the program holds, besides the embedded Notion and the test."""
    gc.collect()
    others = ("*/sandbox/*", "*/tests/*", "*/freezegun/*", tracemalloc.__file__)
    filters = [tracemalloc.Filter(inclusive=False, filename_pattern=name) for name in others]
    taken = tracemalloc.take_snapshot().filter_traces(filters)
    return sum(one.size for one in taken.statistics("filename"))


@asynccontextmanager
async def serving(settings: Settings, week: Week) -> AsyncIterator[None]:
    state = database.open_state(settings.config.state)
    worker = Worker(settings, state, week.emit, transport=week.network)
    service = Service(settings, worker, lambda: settings, week.emit, Systemd())
    running = asyncio.create_task(service.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        state.close()


async def live(week: Week) -> int:
    """Let a week pass; return by how many bytes the program grew in its last 18 hours."""
    await week.hours(50)
    await asyncio.sleep(900)
    wall.suspend(5 * HOUR)  # from 2:15 to 7:15 of the third day
    await asyncio.sleep(2700)
    await week.hours(16)
    await asyncio.sleep(1800)
    week.write(50)
    week.network.seconds = 90
    await asyncio.sleep(1800 + 3 * 3600)
    week.network.seconds = 0
    await week.hours(67)
    tracemalloc.start()  # slow: not for the whole week
    await week.hours(6)
    before = weight()
    await week.hours(18)
    grown = weight() - before
    tracemalloc.stop()
    await asyncio.sleep(1800)
    return grown


def a_week(folder: Path) -> None:
    """Live a week and look at it."""
    box = Sandbox(lambda: datetime.now(UTC), seed=7)

    async def go() -> tuple[Week, int]:
        rfcs = box.world.database("RFCs")
        path = folder / "config.yaml"
        path.write_text(CONFIG.format(database=rfcs.id))
        settings = load(path, {"NOTION_TOKEN": box.token})
        week = Week(box, rfcs.id, Slow(box))
        async with serving(settings, week):
            return week, await live(week)

    week, grown = wall.run(go(), MONDAY)
    slow = next(at for at, end in zip(week.began, week.ended, strict=True) if end - at > 3 * HOUR)
    caught_up = week.ended[week.began.index(slow)]
    woken = MONDAY + 55 * HOUR + 15 * MINUTE
    asleep = {MONDAY + hour * HOUR for hour in range(51, 56)}
    busy = {slow + hour * HOUR for hour in range(1, 1 + (caught_up - slow) // HOUR)}
    hours = {MONDAY + hour * HOUR for hour in range(7 * 24)} - asleep - busy
    assert [_near(at) for at in week.began] == sorted({*hours, _near(woken), _near(caught_up)})
    assert all(end <= at for end, at in zip(week.ended, week.began[1:], strict=False))
    assert week.told["page.reviewed"] == week.pages
    assert len(list(box.world.comments())) == week.told["comment.posted"] == 2 * week.pages
    assert week.told["sweep.crashed"] == week.told["page.failed"] == 0
    assert grown < ROOM


@pytest.mark.real
def test_a_week_misses_no_hour_doubles_no_sweep_and_grows_nothing(tmp_path: Path) -> None:
    # In a process of its own: the caches that other tests filled would be weighed too.
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(a_week, tmp_path).result()


def _near(time: datetime) -> datetime:
    """Round to the minute: a machine that wakes up is noticed within half of one."""
    return (time + MINUTE / 2).replace(second=0, microsecond=0)
