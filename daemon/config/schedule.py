"""When to sweep, and how long to rest after failures. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import floor
from zoneinfo import ZoneInfo

from daemon.config.schema import Schedule


# So many failed sweeps in a row are an outage: from then on each wait is twice the last.
FAILURES = 3
LONGEST_REST = timedelta(hours=1)


def next_run(schedule: Schedule, after: datetime) -> datetime:
    """Return the first time later than `after` at which the schedule asks for a sweep, in UTC.

    In the hour that comes twice in autumn cronsim goes by Debian's cron: a line that names its
    hours and minutes runs once, one that runs every hour or every so many minutes goes on.
    """
    if schedule.every is not None:
        return (after + schedule.every).astimezone(UTC)
    if schedule.cron is None:
        raise TypeError("a schedule has every or cron")
    from cronsim import CronSim

    runs = CronSim(schedule.cron, after.astimezone(ZoneInfo(schedule.timezone)))
    # From within the second of the two hours, cronsim begins with the first, which is over.
    return next(run for local in runs if (run := local.astimezone(UTC)) > after)


def interval(schedule: Schedule, after: datetime) -> timedelta:
    """Return the time between the next two runs."""
    first = next_run(schedule, after)
    return next_run(schedule, first) - first


def turns(a_day: int, every: timedelta, now: datetime) -> int:
    """Return how many of so many turns a day have come since the last run."""
    midnight, day = now.replace(hour=0, minute=0, second=0, microsecond=0), timedelta(days=1)
    before, after = (floor(a_day * ((at - midnight) / day)) for at in (now - every, now))
    return after - before


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
