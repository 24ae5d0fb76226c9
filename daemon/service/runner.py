"""Sweeps as they are run: one by command, or one after the other for the service."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from daemon.config import Settings
from daemon.domain import due
from daemon.domain.errors import LockHeld, ReviewError, TokenRefused
from daemon.domain.events import Alert, Emit
from daemon.domain.notation import iso, when
from daemon.operations import digest, notify, report, status, taught
from daemon.service import webhooks
from daemon.service.system import Systemd, until_signal
from daemon.store import database, pages, sweeps
from daemon.store.database import State
from daemon.store.lock import lock
from daemon.sweep import alerts
from daemon.sweep.connections import Connections, connected
from daemon.sweep.context import FATAL, Context, Deliver
from daemon.sweep.delivery.status import post_alerts
from daemon.sweep.discovery import find_page
from daemon.sweep.sweep import Ending, Result, sweep


if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
Swept = tuple[Result, Sequence[ReviewError]]


def once(
    settings: Settings,
    emit: Emit,
    *,
    preview: Deliver | None = None,
    only: str | None = None,
    to_end: Callable[[Coroutine[Any, Any, Swept]], Swept] = until_signal,
) -> Swept:
    """Sweep once, or review the one page `only`.

    With a `preview` the run is dry: it works on a copy of the state in memory, so it needs no
    lock and leaves no trace; `preview` gets what would be posted.
    Signals are heard in the main thread alone; in another one, `to_end` is `asyncio.run`.

    Raises:
        LockHeld, StateDamaged, StateForeign, StateUnwritable: The state cannot be used.
        Interrupted: A signal ended it; nothing is lost.
        ReviewError: The page `only` cannot be found.
    """
    path = settings.config.state
    with ExitStack() as held:
        if preview:
            state = database.copy_in_memory(path)
        else:
            held.enter_context(database.translated(path))
            held.enter_context(lock(path))
            state = database.open_state(path)
        held.callback(state.close)
        return to_end(_once(settings, state, emit, preview=preview, only=only))


async def _once(
    settings: Settings, state: State, emit: Emit, *, preview: Deliver | None, only: str | None
) -> Swept:
    async with connected(settings, state, preview=preview) as connections:
        context = connections.context(emit)
        if only is not None:
            row, target = await find_page(context, only)
            row = due.asked_for(row, context.notion.now)
            pages.save(context.state, [row])
            return await sweep(context, (row, target))
        if preview:
            return await sweep(context)
        swept = await told_sweep(connections, context)
        status.write_status_files(settings, state, emit)
        return swept


def on_state(
    settings: Settings,
    emit: Emit,
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
    with database.translated(path), closing(database.open_state(path)) as state:

        async def do() -> T:
            async with connected(settings, state) as connections:
                return await doing(connections.context(emit))

        return to_end(do())


def deliver(
    settings: Settings,
    emit: Emit,
    page_id: str,
    to_end: Callable[[Coroutine[Any, Any, None]], None] = until_signal,
) -> None:
    """Send what waits of one page, also of a paused one, where no other instance is at work.

    Raises:
        LockHeld: One is; its next sweep sends it.
        StateDamaged, StateForeign, StateUnwritable: The state cannot be used.
        ReviewError: Notion refused or is out of reach; what is left is sent by the next sweep.
    """

    def send(context: Context) -> Awaitable[None]:
        context.tally.by_name = page_id
        return context.deliver(context, page_id)

    path = settings.config.state
    with database.translated(path), lock(path):
        on_state(settings, emit, send, to_end)


async def told_sweep(connections: Connections, context: Context, *, named: bool = False) -> Swept:
    """Sweep, and tell the world outside: alerts to people, a sign of life before and after.

    A look at what events `named` is no sign that sweeps come, and shows nothing of all pages.
    """
    settings = connections.settings
    proxies = settings.addresses.proxies
    if named:
        swept = await sweep(context, named=True)
        await notify.tell_people(context.state, settings.config.alerts, context.emit, proxies)
        return swept
    await notify.ping(settings.secrets.ping, context.emit, "start", proxies=proxies)
    result, errors = await sweep(context)
    stood = sweeps.alerts(context.state)
    alerts.after_sweep(context, errors)
    report.watch(context)
    if sweeps.alerts(context.state) != stood:
        await post_alerts(context)
    await notify.tell_people(context.state, settings.config.alerts, context.emit, proxies)
    await digest.send(context, proxies)
    await taught.send(context)
    # A page that failed is tried again by itself; a part of the sweep that failed is not well.
    sign = "fail" if errors else ""
    words = f"{result.outcome}: {result.pages_reviewed} reviewed, {result.pages_failed} failed"
    await notify.ping(settings.secrets.ping, context.emit, sign, words, proxies)
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
        emit: Where events go.
        transport: Replaces the network, for tests.
    """

    def __init__(
        self,
        settings: Settings,
        state: State,
        emit: Emit,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._state = state
        self._emit = emit
        self._transport = transport
        self._open = AsyncExitStack()
        self._connections: Connections | None = None
        self._inbox = webhooks.Inbox(state, settings.config.state, emit)

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
        context = connections.context(self._emit)
        try:
            await connections.notion.me()
        except TokenRefused as error:
            alerts.raise_alert(context, Alert.TOKEN, str(error))
            await notify.tell_people(self._state, self._settings.config.alerts, self._emit)
            raise

    async def listen(self) -> None:
        """Take Notion's events until cancelled, where config.yaml says so."""
        if (port := self._settings.config.events.port) is not None:
            await webhooks.listen(port, self._inbox, self._emit)

    async def named(self) -> None:
        """Wait until something that an event named is to be looked at."""
        while True:
            self._inbox.named.clear()
            due_at = None  # where the state is locked for a moment, the next event is waited for
            with suppress(LockHeld), database.translated(self._settings.config.state):
                due_at = sweeps.next_nomination(self._state)
            now = self._connections.notion.now if self._connections else datetime.now(UTC)
            if due_at is not None and (not due_at or when(due_at) <= now):
                return
            wait = (when(due_at) - now).total_seconds() if due_at else None
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._inbox.named.wait()

    async def sweep(self, *, named: bool = False) -> bool:
        """Sweep once, or look at what events named alone; tell whether it did anything.

        Raises:
            TokenRefused, ConfigError: No later sweep can go better before people act.
            StateDamaged, StateUnwritable, LockHeld: The state cannot be used any more.
        """
        connections = await self._connect()
        with database.translated(self._settings.config.state):
            context = connections.context(self._emit)
            result, errors = await told_sweep(connections, context, named=named)
        for error in errors:
            if isinstance(error, FATAL):
                self.report(Life(trouble=str(error)))
                raise error
        return not context.tally.halted if named else result.outcome is not Ending.FAILED

    def report(self, life: Life) -> str:
        """Show how things are to those who look, and return it as one line."""
        with database.translated(self._settings.config.state):
            found = status.write_status_files(self._settings, self._state, self._emit)
        return status.line(found, life.next_sweep, life.trouble)

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
                connected(self._settings, self._state, transport=self._transport)
            )
        return self._connections


# Between two attempts to use the state: the first wait, and the longest.
FIRST_PAUSE = 15.0
LONGEST_PAUSE = 600.0
# People hear of it at this attempt: what is over within a minute is nobody's business.
TOLD_AT = 3


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which the state cannot be used.

    Attributes:
        why: What is wrong, and what to do.
        since: When it began.
        attempts: How many failed.
        at: When the last attempt failed, on the monotonic clock.
    """

    why: str
    since: datetime
    attempts: int
    at: float

    @classmethod
    def after(cls, before: Outage | None, why: str, now: float) -> Outage:
        """Return the outage that goes on, or a new one where all went well for a while."""
        if before is None or now - before.at > 2 * LONGEST_PAUSE:
            return cls(why, datetime.now(UTC), 1, now)
        return cls(why, before.since, before.attempts + 1, now)

    @property
    def seconds(self) -> float:
        """How long to wait for the next attempt."""
        return min(FIRST_PAUSE * (1 << min(self.attempts - 1, 10)), LONGEST_PAUSE)

    @property
    def notification(self) -> notify.Notification:
        """What people are told: the state cannot keep the alert."""
        return notify.Notification(Alert.STATE, self.why, iso(self.since))


class Pause:
    """The wait before the state is tried again: systemd knows why, and people are told once."""

    def __init__(self, outage: Outage, settings: Settings, emit: Emit, systemd: Systemd) -> None:
        self._outage, self._settings = outage, settings
        self._emit, self._systemd = emit, systemd
        self._is_over = asyncio.Event()

    async def run(self) -> None:
        """Wait; a reload ends it."""
        self._systemd.ready()
        again = f"{datetime.now(UTC) + timedelta(seconds=self._outage.seconds):%H:%M:%S} UTC"
        self._systemd.status(f"{self._outage.why}; tried again at {again}")
        if self._outage.attempts == TOLD_AT:
            known = notify.ways(self._settings.config.alerts, self._settings.addresses.proxies)
            await notify.tell(known, self._outage.notification, self._emit)
        third = self._systemd.watchdog_seconds / 3
        with suppress(TimeoutError):
            async with asyncio.timeout(self._outage.seconds):
                while not self._is_over.is_set():
                    self._systemd.alive()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._is_over.wait(), third or LONGEST_PAUSE)

    def reload(self) -> None:
        """Try again at once: the cause may be mended, or the state be elsewhere."""
        self._systemd.reloading()
        self._systemd.ready()
        self._is_over.set()
