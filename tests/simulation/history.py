"""One seed, one history: a company, its Notion, and the program in bad weather, then quiet."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import shutil
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch

from sqlite_utils import Database
from stamina.instrumentation import get_on_retry_hooks, set_on_retry_hooks

from daemon.config import Config, Settings
from daemon.config.environment import Addresses, Secrets
from daemon.domain.errors import ReviewError
from daemon.notion import gateway
from daemon.notion.gateway import Gateway
from daemon.operations import pages
from daemon.sandbox import Sandbox, query
from daemon.sandbox.faults import ApiRefusal, FaultKind, invalid, restricted
from daemon.sandbox.state import Doing
from daemon.service.webhooks import Inbox
from daemon.store import database
from daemon.sweep import sweep
from daemon.sweep.budget import Meter
from daemon.sweep.connections import Connections
from daemon.sweep.delivery import posting
from simulation.company import Company
from simulation.lagging import delay_index, found_late
from simulation.mortal import Life, connect
from simulation.network import Network, Weather, policy
from simulation.operators import Operator
from simulation.postman import Postman
from simulation.record import Record
from simulation.scripted import Scripted
from support import virtual_time


MINUTE = 60.0
HOUR = 60 * MINUTE
PLANTED_KEY = "sk-ant-planted-0123456789abcdef"
RAM = Path("/dev/shm")


@dataclass(frozen=True)
class Ended:
    """A history that has ended: what was seen, and what stands."""

    record: Record
    box: Sandbox
    company: Company
    settings: Settings
    state: Database


class Judge(Protocol):
    """Looks for what is wrong, and says it in words."""

    def after_sweep(self, so_far: Ended) -> list[str]:
        """Look while the history goes on."""

    async def at_end(self, ended: Ended) -> list[str]:
        """Look when all is quiet."""


class Numbered(asyncio.Task[Any]):
    """A task whose place in a set does not depend on its address."""

    _count = 0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        Numbered._count += 1
        self._number = Numbered._count
        super().__init__(*arguments, **named)

    def __hash__(self) -> int:
        return self._number


class History:
    """One history on its way."""

    def __init__(self, seed: int, folder: Path, judge: Judge, *, events: bool = False) -> None:
        self.seed = seed
        self._postman: Postman | None = None
        self._events = events
        self._judge = judge
        self.record = Record(seed)
        self._folder = folder
        self._dice = random.Random(f"{seed} history")
        self._skew = timedelta(seconds=self._dice.choice((0, 0, 20, -120, 3600, -3600)))
        self._lives = 0
        self._calm = False
        self._commands = set[asyncio.Task[None]]()

    async def run(self) -> Ended:
        self._build()
        await self._storm()
        await self._quiet()
        return Ended(self.record, self.box, self.company, self.settings, self._plain_state())

    def wall(self, *_: Any) -> datetime:
        """Give the time that the machine's own clock shows."""
        return virtual_time.now() + self._skew

    def _build(self) -> None:
        dice = self._dice
        self.box = Sandbox(clock=virtual_time.now, seed=self.seed)
        self.box.window.per_minute = 180
        self.company = Company(self.box, random.Random(f"{self.seed} people"), self.record)
        quirks = self.box.world.quirks
        quirks.page_size = dice.choice((100, 1, 1))
        quirks.floored_filters = dice.random() < 0.5
        delay_index(self.box, timedelta(seconds=dice.choice((0, 0, 30, 90))))
        quirks.query_cap = dice.choice((10_000, 10_000, 3))
        self.weather = Weather()
        if quirks.page_size < 100:
            # "No more" beside a cursor that does lead on: nobody can tell.
            self.weather.kinds = tuple(
                kind for kind in FaultKind if kind is not FaultKind.STALE_CURSOR
            )
        struck = policy(random.Random(f"{self.seed} weather"), self.record, self.weather)
        self.box.faults.policy = struck
        self.model = Scripted(random.Random(f"{self.seed} model"), self.record)
        self._refuse_for_ever(random.Random(f"{self.seed} refusals"))
        self._operator = Operator(random.Random(f"{self.seed} operator"), self.record)
        self.settings = self._settings()
        if self._events:
            self._postman = Postman(self.box, random.Random(f"{self.seed} post"), self.record)

    def _refuse_for_ever(self, dice: random.Random) -> None:
        """Have Notion refuse something of one page for ever, and lose a data source."""
        if dice.random() < 0.3:
            page = dice.choice(self.company.pages)
            doing = dice.choice((Doing.LIST_BLOCKS, Doing.LIST_COMMENTS, Doing.COMMENT))
            refusal = dice.choice((restricted(), invalid("No."), *_BROKEN))
            self.box.world.refuse(page, doing, refusal=refusal)
            self.record.note(virtual_time.now(), "refused for ever", page=page[:8], doing=doing)
        if dice.random() < 0.3:
            lost = self.box.world.source(self.company.database, "Lost")
            delete = partial(self.box.world.delete_source, lost)
            asyncio.get_running_loop().call_later(dice.uniform(60, 2 * HOUR), delete)

    def _settings(self) -> Settings:
        dice = self._dice
        settle, limit = dice.choice(((0, 30), (0, 30), (1, 15), (10, 30), (10, 240)))
        target = {
            "id": self.company.database.id,
            "prompt": self.company.prompt.id,
            "properties": dice.choice(([], ["Status"])),
            "where": dice.choice(({}, {}, {"Status": ["Draft", "In review"]})),
            "page_comment": dice.random() < 0.8,
            "replies": dice.choice(("any", "any", "any", "ours", "none")),
            "trial": 2 * (self.seed % 2),
        }
        config = Config.model_validate(
            {
                "databases": [target],
                "settle": timedelta(minutes=settle),
                "settle_limit": timedelta(minutes=limit),
                "watch_requests": 30,
                "lookback": timedelta(days=1),
                "review_on_prompt_change": dice.random() < 0.3,
                "notion": {"requests_per_minute": dice.choice((170, 170, 40))},
                "limits": {
                    "replies_per_thread": dice.choice((2, 5)),
                    "replies_per_person": dice.choice((30, 30, 3)),
                    "comments_per_review": dice.choice((2, 8)),
                    "concurrent_reviews": dice.choice((1, 4)),
                },
                "state": self._folder / "state.db",
            }
        )
        secrets = Secrets(self.box.token, {"anthropic": PLANTED_KEY})
        chains = {target["id"]: ("scripted:model",)}
        return Settings(Path("config.yaml"), config, secrets, Addresses(), chains)

    async def _storm(self) -> None:
        """Some hours in which everything goes wrong."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._dice.choice((1.5, 2, 4)) * HOUR
        company = loop.create_task(self._people(until))
        owner = loop.create_task(self._owner(until))
        changing = loop.create_task(self._weather(until))
        while loop.time() < until:
            await self._life(until)
        await company
        await owner
        await changing
        await asyncio.gather(*self._commands)

    async def _people(self, until: float) -> None:
        loop, dice = asyncio.get_running_loop(), random.Random(f"{self.seed} pace")
        while loop.time() < until:
            await asyncio.sleep(dice.expovariate(1 / 240))
            for _ in range(dice.choice((1, 1, 2))):
                self.company.act()

    async def _owner(self, until: float) -> None:
        """In every third history, let people say a word on the prompt page now and then."""
        loop, dice = asyncio.get_running_loop(), random.Random(f"{self.seed} owner")
        while self.seed % 3 == 0 and loop.time() < until:
            await asyncio.sleep(dice.expovariate(1 / 2400))
            self.company.steer(dice)

    async def _weather(self, until: float) -> None:
        loop, dice = asyncio.get_running_loop(), random.Random(f"{self.seed} seasons")
        while loop.time() < until:
            self.weather.change(dice)
            await asyncio.sleep(dice.choice((5, 15, 30)) * MINUTE)
        self.weather.clear()

    async def _life(self, until: float) -> None:
        """Run one process of the program until it is killed, or the storm is over."""
        dice = self._dice
        life = self._born()
        self.record.note(virtual_time.now(), "life begins", number=life.number)
        try:
            await self._works(life, until)
        except BaseException as error:
            if not (life.dead or life.suffered):
                raise
            self.record.kills += 1
            self.record.note(
                virtual_time.now(), "killed", at=life.effects, seen=type(error).__name__
            )
            if self.settings.config.state.exists():
                with closing(self._plain_state()) as state:
                    self._look(state)
            await asyncio.sleep(dice.choice((0, 1, 20, 300, 1500)))

    def _born(self) -> Life:
        """Give a process: some live on, some die anywhere, some around a comment's POST."""
        dice, number = self._dice, self._next_number()
        roll = dice.random()
        if roll < 0.15:
            return Life(number, None)
        if roll < 0.3:
            first = dice.randrange(50, 1500)
            return Life(number, None, full=range(first, first + dice.choice((1, 3, 200))))
        if roll < 0.55:
            return Life(number, dice.randrange(1, dice.choice((40, 200, 1000))))
        kind = dice.choice(("query", "query", "children", "comment", "comment", "comment"))
        near = (kind, dice.randrange(5), dice.choice((0, 0, 1, 2, 3, 5, 8, 13)))
        return Life(number, None, near)

    def _next_number(self) -> int:
        self._lives += 1
        return self._lives

    async def _works(self, life: Life, until: float) -> None:
        loop, dice = asyncio.get_running_loop(), self._dice
        with self._process(life) as connections:
            while loop.time() < until:
                await self._sweep(connections)
                await self._rest(connections, dice.choice((1, 5, 15, 30, 40)) * MINUTE)
                if dice.random() < 0.15:
                    context = connections.context(self._emit)
                    await self._operator.act(context, self.company.pages)

    async def _rest(self, connections: Connections, seconds: float) -> None:
        """Wait for the next sweep, and look at what events name meanwhile."""
        if self._postman is None:
            await asyncio.sleep(seconds)
            return
        loop, inbox = asyncio.get_running_loop(), self._inbox(connections)
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0:
            await asyncio.sleep(min(left, self._dice.choice((5, 60, 300))))
            if self._postman.bring(inbox):
                context = connections.context(self._emit)
                await sweep.sweep(context, named=True)
                self._look(connections.state)

    @contextmanager
    def _process(self, life: Life) -> Iterator[Connections]:
        with patch.object(database, "_connect", partial(connect, life=life)):
            state = database.open_state(self.settings.config.state)
        network = Network(
            self.box.transport(),
            life,
            random.Random(f"{self.seed} network {life.number}"),
            self.record,
            self._interrupt,
        )
        network.rough = not self._calm
        per_minute = self.settings.config.notion.requests_per_minute
        notion = Gateway(
            self.box.token,
            base_url="http://sandbox",
            requests_per_minute=per_minute,
            transport=network,
        )
        meter = Meter(state, self.settings.config.limits, lambda: notion.now)
        try:
            yield Connections(self.settings, state, notion, self.model, meter, posting.deliver)
        finally:
            if not life.dead:
                state.close()

    def _interrupt(self, block: str | None) -> None:
        """Let something happen beside the service, at this very step of its work."""
        if self._calm:
            return
        if self._dice.random() < 0.15:
            self._commands.add(asyncio.get_running_loop().create_task(self._retract()))
        else:
            self.company.act(block)

    async def _retract(self) -> None:
        """Take a review back in a process of its own, which may be killed too."""
        life = Life(self._next_number(), self._dice.choice((None, None, 40)))
        self.record.note(virtual_time.now(), "command begins", number=life.number)
        try:
            with self._process(life) as connections:
                await self._operator.retract(connections.context(self._emit))
        except ReviewError as error:
            self.record.note(virtual_time.now(), "operator is told", why=str(error))
        except BaseException as error:
            if not life.dead:
                raise
            self.record.note(virtual_time.now(), "command killed", seen=type(error).__name__)

    async def _sweep(self, connections: Connections) -> None:
        context = connections.context(self._emit)
        if self._postman is None:
            await sweep.sweep(context)
        else:
            meanwhile = asyncio.create_task(self._events_come(connections, self._postman))
            try:
                await sweep.sweep(context)
            finally:
                meanwhile.cancel()
                await asyncio.gather(meanwhile, return_exceptions=True)
        self._look(connections.state)

    async def _events_come(self, connections: Connections, postman: Postman) -> None:
        """Bring events during a sweep."""
        inbox = self._inbox(connections)
        while True:
            await asyncio.sleep(self._dice.choice((1, 20, 100)))
            postman.bring(inbox)

    def _inbox(self, connections: Connections) -> Inbox:
        path = self.settings.config.state
        return Inbox(connections.state, path, self._emit, virtual_time.now)

    def _emit(self, event: str, /, **facts: Any) -> None:
        facts = {key: value for key, value in facts.items() if key not in _CLOCKED}
        line = json.dumps([event, facts], default=str, ensure_ascii=False, sort_keys=True)
        self.record.said.append(line)
        self.record.note(virtual_time.now(), f"    {event}", facts=line)
        error = str(facts.get("error", ""))
        if error.startswith("internal error") and "disk is full" not in error:
            self.record.troubles.append(f"{event}: {error}")
            if isinstance(facts.get("exc_info"), Exception):
                import traceback

                self.record.trace += traceback.format_exception(facts["exc_info"])

    def _look(self, state: Database) -> None:
        """Check what must hold after every sweep."""
        ended = Ended(self.record, self.box, self.company, self.settings, state)
        self.record.troubles += self._judge.after_sweep(ended)

    async def _quiet(self) -> None:
        """Let everything come to rest: no faults, no people, all waits and a day over."""
        self._calm = True
        self.company.calm()
        await asyncio.sleep(2 * HOUR)  # typing ends, what was trashed comes back
        self.company.calm()
        # More rows of one minute than one query gives cannot be listed at all.
        self.box.world.quirks.query_cap = 10_000
        self.model.ill = 0.0
        self.record.note(virtual_time.now(), "quiet")
        if self._postman:
            self._postman.forges = False
        with self._process(Life(self._next_number(), None)) as connections:
            # Where events come, watching slows down; a day after the last one it is as before.
            later = (1500, 1500, 15, 15) if self._postman else ()
            # A question that is first heard after the day may be passed over twice.
            for wait in (0, 15, 15, 360, 1440, 15, 15, 15, *later):
                await self._rest(connections, wait * MINUTE)
                self._operator.resume_all(connections.context(self._emit))
                await self._sweep(connections)

    def _plain_state(self) -> Database:
        return connect(self.settings.config.state, Life(0, None))


_BROKEN = (ApiRefusal(503, "service_unavailable", "Public API service is unavailable."),)
_CLOCKED = ("seconds", "started", "finished", "exc_info_")


def _run(main: Coroutine[Any, Any, Ended]) -> Ended:
    def loop() -> virtual_time.Loop:
        made = virtual_time.Loop()
        made.set_task_factory(lambda on, doing, **named: Numbered(doing, loop=on, **named))
        return made

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(main)


def live(seed: int, judge: Judge, *, events: bool = False) -> tuple[Record, list[str]]:
    """Run one history and return its record with what is wrong with it.

    With `events` Notion's webhooks come too: lost, doubled, late, reordered and forged ones.
    """
    random.seed(seed)
    Numbered._count = 0
    folder = Path(tempfile.mkdtemp(prefix="history-", dir=RAM if RAM.is_dir() else None))
    history = History(seed, folder, judge, events=events)

    async def main() -> list[str]:
        ended = await history.run()
        try:
            return await judge.at_end(ended)
        finally:
            ended.state.close()

    class Wall(datetime):
        now = staticmethod(history.wall)  # type: ignore[assignment]

    try:
        with ExitStack() as stack:
            stack.callback(set_on_retry_hooks, get_on_retry_hooks())
            set_on_retry_hooks([])
            stack.enter_context(patch.object(query, "_found", found_late))
            for module in (gateway, pages, sweep):
                stack.enter_context(patch.object(module, "datetime", Wall))
            # Looking for cycles, of which one history makes few, takes a sixth of the time.
            gc.disable()
            stack.callback(gc.enable)
            wrong = _run(main())  # type: ignore[arg-type]
    finally:
        shutil.rmtree(folder)
    return history.record, [*history.record.troubles, *wrong]  # type: ignore[misc]
