"""The life of the service: start, sweep by sweep, stop. Knows nothing of Notion.

The scheduler says when; the sweep itself runs beside it. What comes due while a sweep runs is
remembered once: a sweep that takes three hours is followed by one, not by three.
"""

from __future__ import annotations

import asyncio
import faulthandler
import signal
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from apscheduler.triggers.base import BaseTrigger

from daemon.config import Schedule, Settings, schedule
from daemon.domain.errors import ConfigError, LockHeld, ReviewError, StateUnwritable, TokenRefused
from daemon.domain.events import Emit
from daemon.operations import notify
from daemon.service.runner import TOLD_AT, Life, Outage, Pause, Worker
from daemon.service.system import (
    KILLED,
    STOPPING,
    Hung,
    StallDetector,
    Systemd,
    end_later,
    end_now,
    heard,
    stacks,
)
from daemon.store import database
from daemon.store.lock import lock


if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

JOB = "sweep"
# At the start Notion has so long to answer; a longer outage does not keep the service from it.
PROBE_SECONDS = 10.0
# A stop takes no longer than this, whatever the process is stuck in.
STOP_SECONDS = 4.5
PULSE_SECONDS = 30.0
# What events name within this time is looked at together; after failures the pause grows to this.
NAMED_SECONDS, LONGEST_NAMED_SECONDS = 2.0, 3600.0
# A clock that went back by more was set: what was planned by it would come that much too late.
SET_BACK = timedelta(minutes=1)
# Timers go off a few milliseconds early or late.
SLACK = timedelta(seconds=1)


class ScheduleTrigger(BaseTrigger):  # type: ignore[misc] # APScheduler ships no types
    """The schedule of config.yaml as APScheduler asks for it."""

    def __init__(self, planned: Schedule) -> None:
        self._planned = planned

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return when to run after `previous_fire_time`, or after `now` the first time."""
        return schedule.next_run(self._planned, previous_fire_time or now)


class Work(Protocol):
    """What the service does when it is time; see `runner.Worker`."""

    @property
    def patience(self) -> float:
        """How long, in seconds, a sweep may do nothing that shows."""

    @property
    def progress(self) -> object:
        """What changes whenever a sweep gets on."""

    async def probe(self) -> None:
        """See whether work can begin."""

    async def listen(self) -> None:
        """Take events, where that is wanted."""

    async def named(self) -> None:
        """Wait until something that an event named is to be looked at."""

    async def sweep(self, *, named: bool = False) -> bool:
        """Sweep once, or look at what events named alone; tell whether it did anything."""

    def report(self, life: Life) -> str:
        """Show how things are, and return it as one line."""

    async def adopt(self, settings: Settings) -> None:
        """Go on with other settings."""

    async def aclose(self) -> None:
        """Close every connection."""


def serve(settings: Settings, reload: Callable[[], Settings], emit: Emit, systemd: Systemd) -> None:
    """Sweep on the schedule until a signal ends it.

    Under systemd, a state that cannot be written or is in use is tried again for as long as that
    lasts, after growing waits: systemd itself gives up after a few starts.

    Raises:
        ReviewError: The state cannot be used, or something happened that no later sweep can mend.
    """
    # The watchdog ends a process that hangs with SIGABRT: its stacks then stand in the journal.
    faulthandler.enable()
    outage: Outage | None = None
    while True:
        try:
            _serve_state(settings, reload, emit, systemd, outage)
            break
        except (StateUnwritable, LockHeld) as error:
            if not systemd.address:
                raise
            outage = Outage.after(outage, str(error), time.monotonic())
            emit("service.degraded", why=outage.why)
            if until_stopped(Pause(outage, settings, emit, systemd)):
                break
        try:
            settings = reload()
        except ConfigError as error:  # the old ones hold
            emit("config.refused", problems=error.problems)
    emit("service.stopped")


def _serve_state(
    settings: Settings,
    reload: Callable[[], Settings],
    emit: Emit,
    systemd: Systemd,
    outage: Outage | None,
) -> None:
    path = settings.config.state
    with (
        database.translated(path),
        lock(path),
        closing(database.open_state(path)) as state,
    ):
        if outage is not None and outage.attempts >= TOLD_AT:
            notify.keep_told(state, outage.notification)
        work = Worker(settings, state, emit)
        until_stopped(Service(settings, work, reload, emit, systemd))


def until_stopped(service: Service | Pause) -> bool:
    """Run until the end or a signal, and tell whether it was one.

    SIGTERM and SIGINT end it in order; a second one, or five seconds, end it at once.
    """
    came: list[int] = []
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        task = loop.create_task(service.run())

        def act(number: int) -> None:
            if number == signal.SIGHUP:
                loop.call_soon_threadsafe(service.reload)
                return
            if came:
                end_now(KILLED + number)
            came.append(number)
            end_later(STOP_SECONDS, 0)
            loop.call_soon_threadsafe(task.cancel)

        with heard((*STOPPING, signal.SIGHUP), act):
            try:
                loop.run_until_complete(task)
            except asyncio.CancelledError:
                if not came:
                    raise
    return bool(came)


class Service:
    """One run of the service.

    Args:
        settings: What to begin with.
        work: What to do when it is time.
        reload: Reads the settings anew.
        emit: Where events go.
        systemd: The service manager.
    """

    def __init__(
        self,
        settings: Settings,
        work: Work,
        reload: Callable[[], Settings],
        emit: Emit,
        systemd: Systemd,
    ) -> None:
        self._settings = settings
        self._work = work
        self._read_settings = reload
        self._emit = emit
        self._systemd = systemd
        self._wanted = asyncio.Event()
        self._adopted: Settings | None = None
        self._scheduler: AsyncIOScheduler | None = None
        self._refused = self._outage = ""
        self._failures = 0
        self._rests_until: datetime | None = None
        self._watch: StallDetector | None = None
        self._at_work = asyncio.Lock()

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            ReviewError: Something that no later sweep can mend.
        """
        try:
            await self._start()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pulse())
                group.create_task(self._sweeps())
                group.create_task(self._work.listen())
                group.create_task(self._named_sweeps())
        except BaseExceptionGroup as errors:
            error: BaseException = errors
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            raise error from None
        finally:
            self._systemd.stopping()
            if self._scheduler is not None:
                self._scheduler.shutdown(wait=False)
            await self._work.aclose()

    async def _start(self) -> None:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._work.probe()
        except TokenRefused:
            raise
        except (ReviewError, TimeoutError) as error:
            # An outage at the start must not use up the restarts that systemd allows.
            self._outage = str(error) or f"Notion did not answer within {PROBE_SECONDS:.0f} s"
            self._emit("service.degraded", why=self._outage)
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        scheduler = AsyncIOScheduler(timezone="UTC")
        scheduler.add_job(
            self._come_due,
            ScheduleTrigger(self._settings.config.schedule),
            id=JOB,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            next_run_time=datetime.now(UTC),
        )
        scheduler.start()
        self._scheduler = scheduler
        self._systemd.ready()
        self._show()
        self._emit("service.started")

    async def _come_due(self) -> None:
        """Ask for a sweep; a coroutine, since the scheduler runs a function in a thread."""
        self._wanted.set()

    async def _sweeps(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if self._rests_until is None or datetime.now(UTC) >= self._rests_until - SLACK:
                async with self._at_work:
                    began = datetime.now(UTC)
                    self._count(began, did_something=await self._sweep())
                    self._show()

    async def _named_sweeps(self) -> None:
        """Look at what events name as it comes, between sweeps; after failures less and less."""
        pause = NAMED_SECONDS
        while True:
            await self._work.named()
            await asyncio.sleep(pause)
            async with self._at_work:
                fine = await self._sweep(named=True)
                self._show()
            pause = NAMED_SECONDS if fine else min(2 * pause, LONGEST_NAMED_SECONDS)

    async def _sweep(self, *, named: bool = False) -> bool:
        if self._adopted is not None:
            await self._work.adopt(self._adopted)
            self._adopted = None
        self._systemd.status("sweeping")
        self._watch = StallDetector(self._work.progress)
        try:
            return await self._work.sweep(named=named)
        except LockHeld as error:
            # Somebody else wrote to the state at that moment: what was begun is taken up again.
            self._emit("sweep.trouble", error=str(error))
        except ReviewError:
            raise
        except Exception as error:  # noqa: BLE001 - a bug must not end the service
            self._emit("sweep.crashed", exc_info=error)
        finally:
            self._watch = None
        return False

    def _count(self, began: datetime, *, did_something: bool) -> None:
        """Rest after failures in a row; one that went well ends it."""
        if did_something:
            self._failures, self._rests_until, self._outage = 0, None, ""
            return
        self._failures += 1
        every = schedule.interval(self._settings.config.schedule, began)
        rest = schedule.rest(self._failures, every)
        if rest:
            self._rests_until = began + rest
            until = self._rests_until.isoformat(timespec="seconds")
            self._emit("service.resting", failures=self._failures, until=until)

    def reload(self) -> None:
        """Read the settings anew, for the next sweep on; bad ones change nothing."""
        self._systemd.reloading()
        problems: tuple[str, ...] = ()
        try:
            settings = self._read_settings()
            for name in ("state", "events"):
                if getattr(settings.config, name) != getattr(self._settings.config, name):
                    problems = (f"{name}: cannot change while the service runs; restart it",)
        except ConfigError as error:
            problems = error.problems
        if problems:
            self._refused = f"config.yaml is bad, the old one holds: {problems[0]}"
            self._emit("config.refused", problems=problems)
        else:
            self._refused = ""
            moved = settings.config.schedule != self._settings.config.schedule
            self._settings = self._adopted = settings
            self._failures, self._rests_until = 0, None
            if moved:
                self._reschedule()
            self._emit("config.adopted")
        self._systemd.ready()
        self._show()

    def _reschedule(self) -> None:
        if self._scheduler is not None:
            trigger = ScheduleTrigger(self._settings.config.schedule)
            self._scheduler.reschedule_job(JOB, trigger=trigger)

    def _show(self) -> None:
        trouble = "; ".join(words for words in (self._refused, self._outage) if words)
        job = self._scheduler.get_job(JOB) if self._scheduler else None
        planned: datetime | None = job.next_run_time if job else None
        if planned is not None and self._rests_until is not None:
            planned = max(planned, self._rests_until)
        with suppress(LockHeld):  # it is shown after the next sweep
            self._systemd.status(self._work.report(Life(planned, trouble)))

    async def _pulse(self) -> None:
        """Keep the scheduler to the clock on the wall, and tell the watchdog that work gets on."""
        loop = asyncio.get_running_loop()
        third = self._systemd.watchdog_seconds / 3
        seconds = min(PULSE_SECONDS, third) if third else PULSE_SECONDS
        wall, ticks = datetime.now(UTC), loop.time()
        while True:
            patience = self._work.patience
            if self._watch is not None and self._watch.still(self._work.progress) > patience:
                self._emit("service.stuck", stacks=stacks())
                raise Hung(f"the sweep did nothing for {patience:.0f} s; ended to be started anew")
            self._systemd.alive()
            await asyncio.sleep(seconds)
            passed = timedelta(seconds=loop.time() - ticks)
            if datetime.now(UTC) < wall + passed - SET_BACK:
                self._emit("service.clock_set_back")
                self._reschedule()
            elif self._scheduler is not None:
                # Timers stand still while the machine is suspended.
                self._scheduler.wakeup()
            wall, ticks = datetime.now(UTC), loop.time()
