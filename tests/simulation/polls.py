"""People who edit in bursts and a program that sweeps every minute or so; nothing fails."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlite_utils import Database

from daemon.config import Config, Settings
from daemon.config.environment import Addresses, Secrets
from daemon.domain.change import content_hash
from daemon.notion import gateway, properties, reading
from daemon.notion.gateway import Gateway
from daemon.sandbox import Sandbox, blocks, query
from daemon.store import database, pages
from daemon.sweep import connections, sweep
from daemon.sweep.budget import Meter
from daemon.sweep.delivery import posting
from simulation.lagging import delay_index, found_late
from simulation.record import Record
from simulation.scripted import Scripted
from support import virtual_time


PAGES = 4
EDITING = timedelta(minutes=20)
NOBODY_EDITS = timedelta(minutes=15)


@dataclass
class Polls:
    """What came of it: which pages say something that was not reviewed, and each checkpoint.

    Attributes:
        stale: The pages whose last text was not read.
        checkpoints: (server's time, checkpoint) after each sweep.
        ahead: What lay behind a checkpoint and was not queued.
    """

    stale: list[str] = field(default_factory=list)
    checkpoints: list[tuple[datetime, datetime]] = field(default_factory=list)
    ahead: list[str] = field(default_factory=list)


def polled(
    seed: int,
    folder: Path,
    *,
    skew: timedelta = timedelta(0),
    lag: timedelta = timedelta(0),
) -> Polls:
    """Sweep while people edit, on a machine whose clock is off by `skew`.

    Args:
        seed: Decides who edits what, and when the sweeps come.
        folder: Where the state is kept.
        skew: How much the machine's own clock is ahead of the server's.
        lag: How late a query shows an edit.
    """

    class Wall(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return virtual_time.now() + skew

    with (
        patch.object(query, "_found", found_late),
        patch.object(gateway, "datetime", Wall),
        patch.object(sweep, "datetime", Wall),
    ):
        return virtual_time.run(_polled(random.Random(seed), folder, lag))


async def _polled(dice: random.Random, folder: Path, lag: timedelta) -> Polls:
    box, seen = Sandbox(clock=virtual_time.now, seed=1), Polls()
    delay_index(box, lag)
    target = box.world.database("RFCs")
    for number in range(PAGES):
        box.world.page(target, f"RFC {number}", [blocks.paragraph("Begun.")])
    loop = asyncio.get_running_loop()
    until = loop.time() + EDITING.total_seconds()
    end = until + NOBODY_EDITS.total_seconds()
    editing = loop.create_task(_edit(box, dice, until))
    with _process(box, target.id, folder) as connections:
        while loop.time() < end:
            await asyncio.sleep(dice.uniform(47, 73))
            await sweep.sweep(connections.context(_silent))
            _look(box, connections.state, seen, lag)
        await editing
        for page in box.world.state.pages.values():
            row = pages.page(connections.state, page.id)
            if row is None or row.hash != await _hash(
                connections.notion, page.id, target.source_id
            ):
                seen.stale.append(page.id)
    return seen


async def _edit(box: Sandbox, dice: random.Random, until: float) -> None:
    """Edit in bursts, each of one page, some seconds from edit to edit."""
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        [block] = box.world.blocks(dice.choice(list(box.world.state.pages)))
        for _ in range(dice.randint(1, 6)):
            box.world.edit_block(block.id, f"Text {dice.randrange(10**6)}.")
            await asyncio.sleep(dice.uniform(1, 40))
        await asyncio.sleep(dice.expovariate(1 / 90))


@contextmanager
def _process(box: Sandbox, target: str, folder: Path) -> Iterator[connections.Connections]:
    config = Config.model_validate(
        {
            "databases": [{"id": target, "page_comment": False}],
            "settle": timedelta(0),
            "watch_requests": 0,
            "state": folder / "state.db",
        }
    )
    chains = {target: ("scripted:model",)}
    settings = Settings(Path("config.yaml"), config, Secrets(box.token), Addresses(), chains)
    notion = Gateway(box.token, base_url="http://sandbox", transport=box.transport())
    model: Any = Scripted(random.Random(1), Record(1))
    model.ill, model._calls = 0.0, lambda _: []
    state = database.open_state(config.state)
    meter = Meter(state, config.limits, lambda: notion.now)
    try:
        yield connections.Connections(settings, state, notion, model, meter, posting.deliver)
    finally:
        state.close()


def _silent(event: str, /, **facts: object) -> None:
    assert not str(facts.get("error", "")).startswith("internal error"), (event, facts)


def _look(box: Sandbox, state: Database, seen: Polls, lag: timedelta) -> None:
    """Note the checkpoint, and what it has left behind."""
    [source] = pages.sources_of(state, next(iter(box.world.state.databases)))
    if source.checkpoint is None:
        return
    seen.checkpoints.append((box.clock(), source.checkpoint))
    for page in box.world.state.pages.values():
        row, shown = pages.page(state, page.id), page.edited.replace(second=0, microsecond=0)
        if page.edited + lag < source.checkpoint and (row is None or row.edited < shown):
            seen.ahead.append(f"{page.id}, edited {page.edited}, at {source.checkpoint}")


async def _hash(notion: Gateway, page_id: str, source_id: str) -> str:
    page = properties.read_page(await notion.page(page_id), source_id, [])
    return content_hash(page, await reading.blocks(notion, page_id))
