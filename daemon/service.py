"""When: the scheduler and the signals. Knows nothing of Notion."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from daemon.config import Settings
from daemon.config.schema import Schedule
from daemon.context import Tell
from daemon.errors import ReviewError
from daemon.store import database


# A sweep that is stopped gives up what it waits for; everything that counts is in the state.
JOB = "sweep"


def serve(settings: Settings, reload: Callable[[], Settings], tell: Tell) -> int:
    """Sweep on the schedule until a signal ends it; return the exit code.

    Raises:
        LockHeld, StateDamaged, StateForeign, StateUnwritable: The state cannot be used.
    """
    path = settings.config.state
    with database.told(path), database.lock(path):
        return asyncio.run(Service(settings, reload, tell).run())


class Service:
    """The life of the service: start, sweep by sweep, stop."""

    def __init__(self, settings: Settings, reload: Callable[[], Settings], tell: Tell) -> None:
        self._settings = settings
        self._reload = reload
        self._tell = tell
        self._ended = asyncio.Event()
        self._code = 0
        self._job: asyncio.Task[None] | None = None

    async def run(self) -> int:
        """Run until SIGTERM or SIGINT, or until an error that no later sweep can mend."""
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        self._state = database.open_state(self._settings.config.state)
        scheduler = AsyncIOScheduler(timezone="UTC")
        self._schedule(scheduler)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ended.set)
        scheduler.start()
        self._tell("service.started")
        await self._ended.wait()
        scheduler.shutdown(wait=False)
        await self._stop()
        self._tell("service.stopped", code=self._code)
        return self._code

    def _schedule(self, scheduler: object) -> None:
        from datetime import UTC, datetime

        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        if not isinstance(scheduler, AsyncIOScheduler):
            raise TypeError("not a scheduler")
        scheduler.add_job(
            self._sweep,
            trigger(self._settings.config.schedule),
            id=JOB,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            next_run_time=datetime.now(UTC),
        )

    async def _sweep(self) -> None:
        self._job = asyncio.current_task()
        from daemon import wiring
        from daemon.sweep import FATAL, sweep

        async with wiring.context(self._settings, self._state, self._tell) as context:
            _, errors = await sweep(context)
        for error in errors:
            if isinstance(error, FATAL):
                self._end(error)

    def _end(self, error: ReviewError) -> None:
        self._code = error.exit_code
        self._ended.set()

    async def _stop(self) -> None:
        if self._job is not None and not self._job.done():
            self._job.cancel()
            await asyncio.gather(self._job, return_exceptions=True)


def trigger(schedule: Schedule) -> object:
    """Return the scheduler's trigger for a schedule."""
    from apscheduler.triggers.cron import CronTrigger
    from apscheduler.triggers.interval import IntervalTrigger

    if schedule.cron is not None:
        return CronTrigger.from_crontab(schedule.cron, timezone=schedule.timezone)
    if schedule.every is None:
        raise TypeError("a schedule has every or cron")
    return IntervalTrigger(seconds=int(schedule.every.total_seconds()), timezone="UTC")
