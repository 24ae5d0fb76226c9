"""Sweeps as they are run: one by command, or one after the other for the service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sqlite_utils import Database

from daemon.sweep import alerts, connections as wiring
from daemon.domain import due
from daemon.operations import health, notify
from daemon.config import Settings
from daemon.sweep.context import Context, Tell
from daemon.sweep.discovery import find_page
from daemon.domain.errors import ReviewError, TokenRefused
from daemon.service.signals import until_signal
from daemon.store import database, pages
from daemon.sweep.sweep import FATAL, Ending, Result, sweep
from daemon.sweep.connections import Connections


if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
Swept = tuple[Result, Sequence[ReviewError]]


def once(
    settings: Settings,
    tell: Tell,
    *,
    dry_run: bool = False,
    only: str | None = None,
    to_end: Callable[[Coroutine[Any, Any, Swept]], Swept] = until_signal,
) -> Swept:
    """Sweep once, or review the one page `only`.

    A dry run works on a copy of the state in memory, so it needs no lock and leaves no trace.
    Signals are heard in the main thread alone; in another one, `to_end` is `asyncio.run`.

    Raises:
        LockHeld, StateDamaged, StateForeign, StateUnwritable: The state cannot be used.
        Interrupted: A signal ended it; nothing is lost.
        ReviewError: The page `only` cannot be found.
    """
    path = settings.config.state
    with ExitStack() as held:
        if dry_run:
            state = database.copy_in_memory(path)
        else:
            held.enter_context(database.told(path))
            held.enter_context(database.lock(path))
            state = database.open_state(path)
        held.callback(state.close)
        return to_end(_once(settings, state, tell, dry_run=dry_run, only=only))


async def _once(
    settings: Settings, state: Database, tell: Tell, *, dry_run: bool, only: str | None
) -> Swept:
    async with wiring.connected(settings, state, dry_run=dry_run) as connections:
        context = connections.context(tell)
        if only is not None:
            return await _one_page(context, only)
        if dry_run:
            return await sweep(context)
        swept = await told_sweep(connections, context)
        health.show(settings, state, tell)
        return swept


def on_state(
    settings: Settings,
    tell: Tell,
    doing: Callable[[Context], Awaitable[T]],
    to_end: Callable[[Coroutine[Any, Any, T]], T] = until_signal,
) -> T:
    """Do something that an operator asks for, with connections of its own.

    Works while the service runs: it takes no lock. `to_end` is as for `once`.

    Raises:
        StateDamaged, StateForeign, StateUnwritable: The state cannot be used.
        Interrupted: A signal ended it.
        ReviewError: What `doing` raises.
    """
    path = settings.config.state
    with database.told(path), closing(database.open_state(path)) as state:

        async def do() -> T:
            async with wiring.connected(settings, state) as connections:
                return await doing(connections.context(tell))

        return to_end(do())


def deliver(
    settings: Settings,
    tell: Tell,
    page_id: str,
    to_end: Callable[[Coroutine[Any, Any, None]], None] = until_signal,
) -> None:
    """Send what waits of one page, where no other instance is at work.

    Raises:
        LockHeld: One is; its next sweep sends it.
        StateDamaged, StateForeign, StateUnwritable: The state cannot be used.
        ReviewError: Notion refused or is out of reach; what is left is sent by the next sweep.
    """
    path = settings.config.state
    with database.told(path), database.lock(path):
        on_state(settings, tell, lambda context: context.deliver(context, page_id), to_end)


async def _one_page(context: Context, page_id: str) -> Swept:
    row, base = await find_page(context, page_id)
    row = due.asked_for(row, context.notion.now)
    pages.save(context.state, [row])
    return await sweep(context, (row, base))


async def told_sweep(connections: Connections, context: Context) -> Swept:
    """Sweep, and tell the world outside: alerts to people, a sign of life before and after."""
    settings = connections.settings
    await notify.ping(settings.secrets.ping, context.tell, "start")
    result, errors = await sweep(context)
    alerts.after_sweep(context, errors)
    await notify.tell_people(context.state, settings.config.alerts, context.tell)
    # A page that failed is tried again by itself; a part of the sweep that failed is not well.
    sign = "fail" if errors else ""
    words = f"{result.outcome}: {result.pages_reviewed} reviewed, {result.pages_failed} failed"
    await notify.ping(settings.secrets.ping, context.tell, sign, words)
    return result, errors


@dataclass(frozen=True, slots=True)
class Life:
    """What only the running service knows of itself.

    Attributes:
        next_sweep: When the next sweep is due, None where that is not known yet.
        trouble: What is wrong with the service itself, "" for nothing.
    """

    next_sweep: datetime | None = None
    trouble: str = ""


class Worker:
    """What the service does when it is time: holds the connections from sweep to sweep.

    Args:
        settings: What to begin with.
        state: The database.
        tell: Where events go.
        transport: Replaces the network, for tests.
    """

    def __init__(
        self,
        settings: Settings,
        state: Database,
        tell: Tell,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._state = state
        self._tell = tell
        self._transport = transport
        self._open = AsyncExitStack()
        self._connections: Connections | None = None

    @property
    def patience(self) -> float:
        """How long, in seconds, a sweep may do nothing that shows.

        The longest silence is a model that uses its whole time, then the next one of the chain, or
        Notion asking for a pause; what lasts longer hangs.
        """
        from daemon.notion.gateway import ANSWER_SECONDS
        from daemon.notion.retry import PATIENCE_SECONDS

        models = max(len(chain) for chain in self._settings.chains.values())
        talks = models * self._settings.config.limits.seconds_per_review
        return talks + PATIENCE_SECONDS + ANSWER_SECONDS

    @property
    def progress(self) -> object:
        """What changes whenever a sweep gets on."""
        if (at := self._connections) is None:
            return None
        return at.notion.requests, at.meter.total

    async def probe(self) -> None:
        """Ask Notion who we are: work can begin once it answers.

        Raises:
            TokenRefused: The token is not valid; people are told.
            NotionError, Unavailable: Notion does not answer.
        """
        connections = await self._connect()
        context = connections.context(self._tell)
        try:
            await connections.notion.me()
        except TokenRefused as error:
            alerts.tell_once(context, "token", str(error))
            await notify.tell_people(self._state, self._settings.config.alerts, self._tell)
            raise

    async def sweep(self) -> bool:
        """Sweep once; tell whether it did anything.

        Raises:
            TokenRefused, ConfigError: No later sweep can go better before people act.
            StateDamaged, StateUnwritable, LockHeld: The state cannot be used any more.
        """
        connections = await self._connect()
        with database.told(self._settings.config.state):
            result, errors = await told_sweep(connections, connections.context(self._tell))
        for error in errors:
            if isinstance(error, FATAL):
                self.report(Life(trouble=str(error)))
                raise error
        return result.outcome is not Ending.FAILED

    def report(self, life: Life) -> str:
        """Show how things are to those who look, and return it as one line."""
        with database.told(self._settings.config.state):
            found = health.show(self._settings, self._state, self._tell)
        return health.line(found, life.next_sweep, life.trouble)

    async def adopt(self, settings: Settings) -> None:
        """Go on with other settings; what was open is closed."""
        await self.aclose()
        self._settings = settings

    async def aclose(self) -> None:
        """Close every connection."""
        self._connections = None
        await self._open.aclose()

    async def _connect(self) -> Connections:
        if self._connections is None:
            self._connections = await self._open.enter_async_context(
                wiring.connected(self._settings, self._state, transport=self._transport)
            )
        return self._connections
