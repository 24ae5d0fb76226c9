"""When to sweep: the scheduler's trigger, and how long to rest after failures. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from daemon.config.schema import Schedule


# So many failed sweeps in a row are an outage: from then on each wait is twice the last.
FAILURES = 3
LONGEST_REST = timedelta(hours=1)


class Trigger(Protocol):
    """A trigger of APScheduler's, which ships no types."""

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """Return when to run next, None for never."""


def trigger(schedule: Schedule) -> Trigger:
    """Return the scheduler's trigger for a schedule."""
    from daemon.config.clockwork import Cron, IntervalTrigger

    if schedule.cron is not None:
        by_cron: Trigger = Cron.from_crontab(schedule.cron, timezone=schedule.timezone)
        return by_cron
    if schedule.every is None:
        raise TypeError("a schedule has every or cron")
    seconds = int(schedule.every.total_seconds())
    by_interval: Trigger = IntervalTrigger(seconds=seconds, timezone="UTC")
    return by_interval


def interval(timer: Trigger, now: datetime) -> timedelta:
    """Return the time between the next two runs of a trigger."""
    first = timer.get_next_fire_time(None, now)
    second = timer.get_next_fire_time(first, first) if first else None
    return second - first if first and second else timedelta()


def rest(failures: int, every: timedelta) -> timedelta:
    """Return how long after a failed sweep the next one may come.

    Nothing for the first failures; then twice the schedule's interval, four times and so on, up
    to an hour, or twice the interval where that is longer.
    """
    if failures < FAILURES:
        return timedelta()
    longest = max(LONGEST_REST, 2 * every)
    # The shortest interval is a minute: six times doubled it is longer than an hour.
    doublings = min(failures - FAILURES + 1, 6)
    return min(every * (1 << doublings), longest)
